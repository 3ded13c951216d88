"""Draw docs/plan.png: the HTML report of a plan of a small example, in headless Chromium.

python docs/picture.py   # needs chromium
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).parent / "plan.png"
EXAMPLE = Path(__file__).parent.parent / "campaigns.example"
WIDTH, HEIGHT = 1200, 1400
LARGEST = 150 * 1024
NAMES = ("chromium", "chromium-browser")
DEFINITION = """\
id: 1235
name: Overdue 30 days
integration_type: phone_call
scheduling:
  fri: 09:00-16:30
  sat: 10:00-14:00
first_message: |-
  Buenas tardes, ¿hablo con {{name}}?

  Le llamo por su saldo vencido.
"""
"""A definition whose plan shows changed hours and a changed text."""


def make_workspace(folder: Path) -> None:
    """Write a workspace whose sandbox holds the example's campaigns."""
    shutil.copy(EXAMPLE / "sandbox.json", folder)
    shutil.copy(EXAMPLE / "campaignsync.yaml", folder)
    (folder / "campaigns").mkdir()
    (folder / "campaigns" / "overdue-30.yaml").write_text(DEFINITION, encoding="utf-8")


def draw(folder: Path, chromium: str) -> None:
    """Plan the workspace, and save a picture of the report."""
    report = folder / "plan.html"
    plan = [sys.executable, "-m", "campaignsync", "plan", "--format", "html", "-o", str(report)]
    subprocess.run(plan, cwd=folder, check=True, timeout=60)
    page = report.read_text(encoding="utf-8")
    report.write_text(page.replace("<details", "<details open"), encoding="utf-8")
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={PICTURE}",
    ]  # fmt: skip
    subprocess.run([chromium, *options, report.as_uri()], check=True, timeout=100)


def main() -> int:
    """Draw the picture; return 1 where there is no Chromium, or the picture is too large."""
    chromium = next((path for name in NAMES if (path := shutil.which(name))), None)
    if not chromium:
        sys.stderr.write("chromium is not installed\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder))
        draw(Path(folder), chromium)
    size = PICTURE.stat().st_size
    sys.stdout.write(f"{PICTURE}: {size / 1024:.0f} KiB\n")
    return 0 if size <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
