"""Files that exhaust memory or time, read in a process with little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LEVELS = (4, 8, 12)


def alias_bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)
    ]  # fmt: skip
    return "\n".join(["id: 1", *lines, ""])


def merge_bomb(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels)
    ]  # fmt: skip
    return "\n".join(["id: 1", *lines, ""])


BOMBS = {
    **{f"aliases-{levels}": alias_bomb(levels) for levels in LEVELS},
    **{f"merges-{levels}": merge_bomb(levels) for levels in LEVELS},
    "empty-merges": f"a: &a {{<<: [{'*z, ' * 100_000}]}}\n".replace("*z", "&z {}", 1)
    + f"<<: [{'*a, ' * 10_000}]\n",
    "brackets": "id: 1\nname: " + "[" * 100_000,
    "closed-brackets": "id: 1\nname: " + "[" * 100_000 + "]" * 100_000,
    "braces": "{" * 100_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "indents": "".join(f"{' ' * n}a:\n" for n in range(1_900)),
    "merges-in-merges": "id: 1\na: " + "{<<: " * 1_500 + "x" + "}" * 1_500,
    "a-long-list": "id: 1\nname: [" + "a," * 1_000_000 + "]",
    "a-long-mapping": "{" + "a," * 1_000_000 + "}",
    "a-long-word": "id: 1\nname: " + "x" * 1_000_000,
    "many-anchors": "id: 1\nname: [" + ",".join(f"&a{n} b" for n in range(50_000)) + "]",
    "one-key-over-and-over": "a: 1\n" * 400_000,
    "a-key-over-and-over-in-a-line": "{" + "a: 1, " * 300_000 + "}",
    "unknown-keys": "id: 1\n" + "".join(f"nam{n}: 1\n" for n in range(4_900)),
    "a-long-key": "id: 1\n? " + "k" * 1_500_000 + "\n: b\n",
    "many-days": "id: 1\nscheduling:\n  ? " + "mon-sun," * 250_000 + "mon\n  : closed\n",
    "a-long-zone": "id: 1\ntimezone: " + "a/" * 700_000,
    "a-long-window": "id: 1\nscheduling:\n  mon: '" + " " * 1_500_000 + "x'\n",
    "a-colon-for-the-slow-parser": "id: 1\nx: {a: b:c}\ny: [" + ":," * 15_000 + "]\n",
    "a-large-file-for-the-slow-parser": "id: 1\nname: {a: b:c " + "x " * 500_000,
    "deep-for-the-slow-parser": "id: 1\nx: {a: b:c}\ny: " + "[" * 15_000,
}
SOUND = {
    "aliases-in-reason": "id: 1\nscheduling:\n  mon: &a {active: false}\n  tue-sun: *a\n",
    "a-long-word-beside-another-alphabet": "id: 1\ndescription: я " + "x" * 500_000,
    "a-long-prompt": "id: 1\ndescription: |\n" + "  hola {{x}}, que [tal]: si - no\n" * 60_000,
}

BLASTING = """
import json, resource, sys, time
from pathlib import Path
from campaignsync.load import check
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20,) * 2)
for file in sys.argv[1:]:
    start = time.process_time()
    _, problems = check([Path(file)])
    codes = sorted({problem.code for problem in problems})
    length = sum(len(problem.message) + len(problem.excerpt or "") for problem in problems)
    print(json.dumps([Path(file).stem, codes, time.process_time() - start, length]), flush=True)
# The peak of this program alone: what getrusage says includes the process that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps(int(status["VmHWM"].split()[0])))
"""

Blasted = tuple[dict[str, tuple[list[str], float, int]], int]
"""By file: codes, seconds, characters printed; and the peak memory in KiB."""


@pytest.fixture(scope="module")
def blasted(tmp_path_factory: pytest.TempPathFactory) -> Blasted:
    """Read all of them in one process with little memory."""
    folder = tmp_path_factory.mktemp("bombs")
    files = []
    for name, text in (SOUND | BOMBS).items():
        file = folder / f"{name}.yaml"
        file.write_text(text)
        files.append(str(file))
    done = subprocess.run(
        [sys.executable, "-c", BLASTING, *files],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    *results, peak = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(files), done.stderr[-2000:]
    return {name: (codes, seconds, message) for name, codes, seconds, message in results}, peak


@pytest.mark.fault("D5")
@pytest.mark.fault("D6")
def test_a_bomb_is_a_problem_and_not_a_crash(blasted: Blasted) -> None:
    """Such a file is refused quickly, with a short message."""
    harmless = {"HIDDEN_CHARACTER", "DUPLICATE_NAME"}
    for name in BOMBS:
        codes, seconds, message = blasted[0][name]
        assert set(codes) - harmless, name
        assert seconds < 2, name
        assert message < 1_000_000, name


def test_a_harmless_large_file_is_read(blasted: Blasted) -> None:
    """A text of 2 MB full of braces is accepted, and an alias is an alias."""
    for name in SOUND:
        assert blasted[0][name][0] == [], name


@pytest.mark.fault("D5")
def test_a_bomb_takes_little_memory(blasted: Blasted) -> None:
    """All of them are read, one after the other, in less than 150 MiB."""
    assert blasted[1] < 150 * 1024
