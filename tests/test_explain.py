"""Every code is explained, and none that is not there."""

import ast
import re
from pathlib import Path

import jsonschema
import pytest
from commandline import ROOT, Command

from campaignsync.cli.options import GUARDS
from campaignsync.explain import explanations
from campaignsync.fields import REFUSALS
from campaignsync.load import check_content
from campaignsync.schema import schema

HOUSE = ROOT / "campaignsync"
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\Z")


def codes_of(file: Path) -> set[str]:
    """Give what a file uses as a code: an argument or attribute `code`, or a problem's first."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("problem", "_problem", "Problem", "Misfit", "Unreadable", "_blocked"):
                given += node.args[:2]
            given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            given += [node.value] if ast.unparse(target) == "code" else []
        found |= {
            str(part.value)
            for value in given
            if value
            for part in ([value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
            if isinstance(part, ast.Constant) and CODE.match(str(part.value))
        }
    return found


def all_codes() -> set[str]:
    files = (file for file in HOUSE.rglob("*.py") if "sandbox" not in file.parts)
    names = {f"GUARD_{name.replace('-', '_').upper()}" for name in GUARDS}
    return set().union(*map(codes_of, files)) | names | set(REFUSALS)


def test_each_code_is_explained() -> None:
    """Whatever code a message shows, `explain` knows it; and it knows no code that is gone."""
    explained = set(explanations())

    assert sorted(all_codes() - explained) == []
    assert sorted(explained - all_codes()) == []


def test_each_explanation_says_all_three() -> None:
    """What happened, why there is a rule, and what to do: a sentence or two each."""
    text = (HOUSE / "codes.md").read_text()

    assert len(explanations()) == len(re.findall("^## ", text, re.MULTILINE))
    for found in explanations().values():
        for sentence in (found.meaning, found.why, found.fix):
            assert sentence.endswith((".", "?"))
            assert len(sentence) < 160


def test_the_examples_are_definitions_that_are_valid() -> None:
    """What an explanation shows as right is right."""
    for code in ("DATES_REVERSED", "DUPLICATE_DAY", "NULL_VALUE", "NOT_AN_INTEGER", "COMPLEX_KEY"):
        example = explanations()[code].example
        if code == "DUPLICATE_DAY":
            example = "scheduling:\n" + "\n".join(f"  {line}" for line in example.splitlines())
        if code in ("DATES_REVERSED", "NULL_VALUE"):
            example = "\n".join(
                line if line.startswith("description") else f"cycles: {{{line}}}"
                for line in example.splitlines()[:1]
            )
        _, problems = check_content("c.yaml", f"id: 1\n{example}\n".encode())
        assert [found for found in problems if found.severity == "error"] == [], code


def test_the_readme_lists_them() -> None:
    """The README's table is made of the same sentences."""
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("<details><summary>All codes") : readme.index("</details>")]

    assert re.findall(r"^\| `([A-Z0-9_]+)` \| (.+) \|$", table, re.MULTILINE) == [
        (found.code, found.meaning) for found in explanations().values()
    ]


def test_it_is_shown_in_every_format(cs: Command) -> None:
    """By its code, in whatever case; all of them where none is named."""
    assert "Keep one of the two" in cs("explain", "duplicate_id").out
    assert len(cs("explain").out.splitlines()) == len(explanations())
    told = cs("explain", "STALE", "--format", "json").json
    jsonschema.validate(told, schema("explain"))
    assert [code["code"] for code in told["codes"]] == ["STALE"]
    assert "`STALE`" in cs("explain", "STALE", "--format", "markdown").out


@pytest.mark.parametrize("code", ["DUPLICATE_I", "nothing like it"])
def test_a_code_that_is_none_is_an_error(cs: Command, code: str) -> None:
    """Who mistypes a code is told the nearest."""
    ran = cs("explain", code)

    assert ran.code == 3
    assert ("did you mean `DUPLICATE_ID`?" in ran.err) == (code == "DUPLICATE_I")
