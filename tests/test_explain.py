"""Every error code is explained, with an example that a test runs."""

import ast
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
from support.commandline import ROOT, Command

from campaignsync.cli import cli
from campaignsync.cli.explain import explanations
from campaignsync.guards import NAMES as GUARDS
from campaignsync.model.metadata import REFUSALS
from campaignsync.schema import schema

PACKAGE = ROOT / "campaignsync"
NAME = r"^# ([a-z/A-Z-]+\.(?:yaml|txt))$"
"""The line above a file of an example."""
REPORTING = {
    "problem", "_problem", "Problem", "InvalidValue", "Unreadable", "_blocked", "Missing",
    "NameKind",
}  # fmt: skip
"""Functions and classes whose first or second argument is a code."""
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\Z")


def codes_of(file: Path) -> set[str]:
    """Return the codes in a file: `code` as argument or attribute, and the first of a problem."""
    codes: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in REPORTING:
                given += node.args[:2]
            given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            given += [node.value] if ast.unparse(target) == "code" else []
        codes |= {
            str(part.value)
            for value in given
            if value
            for part in ([value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
            if isinstance(part, ast.Constant) and CODE.match(str(part.value))
        }
    return codes


def all_codes() -> set[str]:
    files = (file for file in PACKAGE.rglob("*.py") if "sandbox" not in file.parts)
    names = {f"GUARD_{name.replace('-', '_').upper()}" for name in GUARDS}
    return set().union(*map(codes_of, files)) | names | set(REFUSALS)


@pytest.mark.slow
def test_each_code_is_explained() -> None:
    """`explain` describes exactly the codes that a message can show."""
    explained = set(explanations())

    assert sorted(all_codes() - explained) == []
    assert sorted(explained - all_codes()) == []


def test_each_explanation_has_cause_reason_and_action() -> None:
    """Each explanation has what happened, the reason for the rule, and what to do."""
    text = (PACKAGE / "codes.md").read_text()

    assert list(explanations()) == sorted(re.findall("^## (.+)", text, re.MULTILINE))
    for explanation in explanations().values():
        for sentence in (explanation.meaning, explanation.why, explanation.fix):
            assert sentence.endswith((".", "?"))
            assert len(sentence) < 160


def demonstrated() -> list[str]:
    """Return the codes whose example consists of files."""
    return [
        explanation.code
        for explanation in explanations().values()
        if explanation.before and not explanation.before.startswith("$")
    ]


def lay_out(folder: Path, example: str) -> None:
    """Write the files of an example, without the commands among them."""
    text = "\n".join(line for line in example.split("\n") if not line.startswith("$"))
    if not re.match(NAME, text, re.MULTILINE):
        text = f"# a.yaml\n{text}" if re.search("^id:", text) else f"# a.yaml\nid: 7\n{text}"
    _, *parts = re.split(NAME, text, flags=re.MULTILINE)
    if "campaignsync.yaml" in parts and len(parts) == 2:
        parts += ["campaigns/b.yaml", "id: 7\nretries: 2\n"]
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content.lstrip("\n"))


@pytest.mark.parametrize("code", demonstrated())
def test_the_examples_have_the_explained_mistake(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The example before has exactly the explained mistake, the one after has none."""
    for name, example in (
        ("before", explanations()[code].before),
        ("after", explanations()[code].after),
    ):
        (tmp_path / name).mkdir()
        lay_out(tmp_path / name, example)
    monkeypatch.chdir(tmp_path / "before")
    before = cs("validate")
    monkeypatch.chdir(tmp_path / "after")
    after = cs("validate")

    assert set(re.findall(r"\[([A-Z_]+)\]", before.out + before.err)) == {code}
    assert re.findall(r"\[([A-Z_]+)\]", after.out + after.err) == []
    assert after.code == 0


def test_every_code_has_an_example() -> None:
    """A user sees for each code what it looks like before and after the correction."""
    without = [
        explanation.code
        for explanation in explanations().values()
        if not (explanation.before and explanation.after)
    ]

    assert without == []


@pytest.mark.parametrize(
    "line",
    sorted(
        line.removeprefix("$ campaignsync ")
        for found in explanations().values()
        for line in f"{found.before}\n{found.after}".split("\n")
        if line.startswith("$ campaignsync")
    ),
)
def test_the_commands_of_the_examples_exist(line: str) -> None:
    """A user who copies a command of an example finds its options."""
    name, *words = shlex.split(line)
    command = cli.get_command(None, name)  # type: ignore[arg-type] # no context is looked at
    assert command is not None

    command.make_context(name, words)


def test_the_page_of_codes_is_up_to_date() -> None:
    """docs/errors.md has the same sentences as `campaignsync explain`."""
    page = (ROOT / "docs" / "errors.md").read_text()

    assert re.findall(r"(?m)^### ([A-Z0-9_]+)\n\n(.+)$", page) == [
        (explanation.code, explanation.meaning) for explanation in explanations().values()
    ]


def test_explain_prints_every_format(cs: Command) -> None:
    """`explain` prints one code, in upper or lower case, or a list of all of them."""
    text = cs("explain", "duplicate_id").out
    assert "Keep one of the two" in text
    assert text.index("before") < text.index("id: 1234") < text.index("after")
    assert len(cs("explain").out.splitlines()) == len(explanations())
    document = cs("explain", "STALE", "--format", "json").json
    jsonschema.validate(document, schema("explain"))
    assert [code["code"] for code in document["codes"]] == ["STALE"]
    assert "`STALE`" in cs("explain", "STALE", "--format", "markdown").out


def test_errors_name_the_command_explain(cs: Command, tmp_path: Path) -> None:
    """After all problems one line on stderr names `explain` with one of their codes."""
    (tmp_path / "a.yaml").write_text("id: 1\nretires: 2\ntimezone: CST\n")

    for command in ("validate", "plan"):
        lines = cs(command, tmp_path).err.splitlines()
        assert sum("campaignsync explain UNKNOWN_KEY" in line for line in lines) == 1
        assert sum("explain" in line for line in lines) == 1
    assert "explain" not in cs("validate", tmp_path).out


@pytest.mark.parametrize("code", ["DUPLICATE_I", "nothing like it"])
def test_an_unknown_code_is_an_error(cs: Command, code: str) -> None:
    """A user who mistypes a code gets the nearest one as a suggestion."""
    ran = cs("explain", code)

    assert ran.code == 3
    assert ("did you mean `DUPLICATE_ID`?" in ran.err) == (code == "DUPLICATE_I")
