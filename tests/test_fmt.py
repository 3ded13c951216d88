"""`fmt`: meaning and comments stay, and formatting twice equals formatting once."""

import stat
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.commandline import Command
from support.definition_texts import contents
from support.mutants import mutants
from support.small_disk import no_file_grows_past

from campaignsync.authoring.format import format_text, formatted
from campaignsync.authoring.read_values import read_definition
from campaignsync.errors import DefinitionError
from campaignsync.model.campaign import EVERYWHERE
from campaignsync.model.kind import Value


def comments(content: bytes) -> list[str]:
    """Return a file's comments; here no text contains `#`."""
    lines = content.decode().splitlines()
    return sorted(line.partition("#")[2].strip() for line in lines if "#" in line)


@pytest.mark.slow
@given(contents)
@settings(deadline=None)
def test_formatting_keeps_the_meaning(drawn: tuple[dict[str, Value], bytes]) -> None:
    """Formatting keeps the meaning of a file, whatever its style."""
    values, content = drawn

    read = read_definition("c.yaml", content)
    assert {"id": read.ids[EVERYWHERE], **read.values} == values
    assert read_definition("c.yaml", formatted("c.yaml", content)) == read


@pytest.mark.slow
@given(contents)
@settings(deadline=None)
def test_once_is_enough(drawn: tuple[dict[str, Value], bytes]) -> None:
    """Formatting a second time changes nothing."""
    once = formatted("c.yaml", drawn[1])

    assert formatted("c.yaml", once) == once


@pytest.mark.slow
@given(contents)
@settings(deadline=None)
def test_comments_line_ends_and_the_mark_stay(drawn: tuple[dict[str, Value], bytes]) -> None:
    """Comments, CRLF and a byte order mark are kept."""
    values, content = drawn
    after = formatted("c.yaml", content)

    if not any("#" in str(value) for value in values.values()):
        assert comments(after) == comments(content)
    if b"\r\n" in content:
        assert after.count(b"\n") == after.count(b"\r\n")
    assert after.startswith(b"\xef\xbb\xbf") == content.startswith(b"\xef\xbb\xbf")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_damaged_definitions_are_formatted_or_left_alone(seed: int) -> None:
    """Damaged definitions that are still valid keep their meaning."""
    valid = 0
    for content in mutants(500, seed):
        try:
            before = read_definition("c.yaml", content)
        except DefinitionError:
            continue
        valid += 1
        once = formatted("c.yaml", content)
        assert read_definition("c.yaml", once) == before
        assert formatted("c.yaml", once) == once

    assert valid > 50


BEFORE = """\
# header, of the file

# about the name
name:   "Foo"   # it's a name
id: 7
scheduling:
    # from here on
    tue: {startTime: "9:00", stopTime: "18:00", active: true}
    mon: 09:00 - 18:00
    wed: 9:00-18:00
    # weekend
    sun: closed
    sat: {active: false}
    # nobody calls then

first_message: |
    Hola
      tú
cycles: {max_iterations: 7, mode: scheduled, schedule: {tue: 9:00-10:00, mon: 09:00-10:00}}
"""

AFTER = """\
# header, of the file

id: 7
# about the name
name: Foo       # it's a name
scheduling:
  mon: 09:00-18:00
  # from here on
  tue-wed: 09:00-18:00
  sat: closed
  # weekend
  sun: closed
  # nobody calls then

first_message: |
    Hola
      tú
cycles: {mode: scheduled, max_iterations: 7, schedule: {mon-tue: 09:00-10:00}}
"""


def test_the_standard_format() -> None:
    """Order, short forms, quotes and margins, in one example."""
    assert format_text(BEFORE) == AFTER


COMMENTED_ITEMS = """\
id: 1
cycles:
  filter_tags: [a]
  filter_statuses:
    - no-answer
    # - voicemail
  # end of the cycles
retries: 3
"""


def test_a_commented_item_stays_in_its_list() -> None:
    """A list that ends in an item behind `#` stays a list, and the comment moves with it."""
    after = """\
id: 1
retries: 3
cycles:
  filter_statuses:
    - no-answer
    # - voicemail
  filter_tags: [a]
  # end of the cycles
"""

    assert format_text(COMMENTED_ITEMS) == format_text(after) == after


def test_a_commented_list_in_the_column_of_its_key_is_indented() -> None:
    """The items of a list that keeps its lines get the margin of the standard format."""
    before = """\
id: 1
cycles:
  filter_statuses:
  - busy   # the line is busy
  # for later
  - no-answer
"""

    after = format_text(before)

    assert after == format_text(after)
    assert after == before.replace("  - ", "    - ").replace("  # for", "    # for")


ALIASES = """\
id: 1
cycles:
  enabled: true
  mode: scheduled
  schedule: &hours {mon: 09:00-10:00}   # shared
scheduling:
  <<: *hours
  tue: closed
"""


@pytest.mark.parametrize("last", [b"  end\r\n", b"  end\n"])
def test_line_ends_of_many_equal_lines_are_kept_in_time(last: bytes) -> None:
    """A definition with thousands of equal lines that end in CRLF is formatted in seconds."""
    content = b"description: |\r\n  Hola\r\n" + b"  ja\r\n" * 20_000 + last + b"id:   1\r\n"
    started = time.process_time()

    after = formatted("c.yaml", content)

    assert time.process_time() - started < 5
    for line_end in (b"\n", b"\r\n"):
        assert after.count(line_end) == content.count(line_end)
    assert b"id: 1\r\n" in after


def test_an_alias_never_comes_before_its_anchor() -> None:
    """Keys stay in their order if another order would break the file."""
    assert format_text(ALIASES) == ALIASES


def test_a_definition_in_json_is_formatted_as_yaml() -> None:
    """A definition pasted as JSON becomes ordinary YAML."""
    pasted = '{"name": "Foo", "id": 1, "retries": 2, "scheduling": {"mon": "9:00-18:00"}}'

    assert format_text(pasted) == "id: 1\nname: Foo\nretries: 2\nscheduling:\n  mon: 09:00-18:00\n"


def test_a_formatted_file_is_not_rewritten(folder: Path, cs: Command) -> None:
    """A formatted file is not rewritten, and a file's mode is kept."""
    file = folder / "campaigns" / "survey.yaml"
    file.chmod(0o640)
    cs("fmt")
    inodes = {path: path.stat().st_ino for path in (folder / "campaigns").iterdir()}

    again = cs("fmt")

    assert again.out == "Formatted: 0 of 5 definitions.\n"
    assert {path: path.stat().st_ino for path in inodes} == inodes
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.slow
def test_check_and_diff_write_nothing(folder: Path, cs: Command) -> None:
    """A job checks the format with --check; a person sees the changes with --diff."""
    before = {path: path.read_bytes() for path in (folder / "campaigns").iterdir()}

    check, diff = cs("fmt", "--check"), cs("fmt", "--diff")

    assert (check.code, diff.code) == (2, 0)
    assert "-retries: 1\n" in diff.out
    assert check.out.splitlines()[-1].startswith("To format: ")
    assert {path: path.read_bytes() for path in before} == before
    assert cs("fmt").code == 0
    assert cs("fmt", "--check").code == 0


def test_a_file_with_problems_is_not_touched(folder: Path, cs: Command) -> None:
    """A file that cannot be formatted safely is reported, and the others are formatted."""
    broken = folder / "campaigns" / "broken.yaml"
    broken.write_text("id: 1\nretries: 9\n")

    ran = cs("fmt")

    assert ran.code == 3
    assert "OUT_OF_RANGE" in ran.err
    assert broken.read_text() == "id: 1\nretries: 9\n"
    assert "1 file with problems not touched" in ran.out


def test_a_file_that_cannot_be_written_is_not_reported_as_formatted(
    folder: Path, cs: Command
) -> None:
    """On a full disk `fmt` fails, and lists no file as formatted."""
    (folder / "campaigns" / "survey.yaml").write_text("name: A\nid: 1\n")

    with no_file_grows_past(4):
        ran = cs("fmt", "campaigns/survey.yaml")

    assert (ran.code, ran.out) == (1, "")
    assert "cannot write campaigns/survey.yaml: " in ran.err


def test_a_link_stays_a_link(folder: Path, cs: Command) -> None:
    """The target of a link is formatted in its own place."""
    real = folder / "campaigns" / "real.yaml"
    real.write_text("name: A\nid: 1\n")
    link = folder / "campaigns" / "a.yaml"
    link.symlink_to("real.yaml")

    cs("fmt", "campaigns/a.yaml")

    assert link.is_symlink()
    assert real.read_text() == "id: 1\nname: A\n"
