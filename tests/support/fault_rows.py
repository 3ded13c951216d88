"""A pytest plugin: `--fault-matrix` fails a run if a row of the matrix has no passed test."""

import pytest

LATER = {"N4", "N5", "A7"}
"""Rows on creating campaigns and on the lifecycle, which are not implemented yet."""
COUNTS = {"D": 16, "S": 10, "N": 13, "A": 14, "R": 10, "P": 5, "F": 7, "C": 9, "L": 4, "H": 10}
"""Each section's letter, and its number of rows."""

ROWS = {f"{letter}{n}" for letter, last in COUNTS.items() for n in range(1, last + 1)} - LATER

HELD: pytest.StashKey[set[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fault-matrix",
        action="store_true",
        help="fail unless each row of the fault matrix was held by a test that ran and passed",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[HELD] = set[str]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Store a test's rows in its report, which may come from another process."""
    rows = {row for mark in item.iter_markers("fault") for row in mark.args}
    item.user_properties.extend(("fault", row) for row in sorted(rows))


class FaultRows:
    """Collects the rows of passed tests in the process that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            rows = (str(row) for name, row in report.user_properties if name == "fault")
            self.config.stash[HELD].update(rows)


def missing(config: pytest.Config) -> list[str]:
    held: set[str] = config.stash[HELD]
    return sorted(ROWS - held)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("--fault-matrix") and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(FaultRows(session.config))


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    wanted = config.getoption("--fault-matrix") and not hasattr(config, "workerinput")
    if wanted and session.exitstatus == pytest.ExitCode.OK and missing(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.getoption("--fault-matrix") and (rows := missing(config)):
        terminalreporter.write_line(f"no test that passed holds {', '.join(rows)}", red=True)
