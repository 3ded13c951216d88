"""Write reports for CI systems: GitHub, GitLab, JUnit and SARIF."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator


def fingerprints(findings: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a fingerprint for each finding, so that a CI system recognises it in the next run.

    A finding identifies the problem without its line, which may move. Equal findings are numbered,
    so that each has its own fingerprint.
    """
    seen = Counter[tuple[str, ...]]()
    for finding in findings:
        seen[finding] += 1
        text = json.dumps([*finding, seen[finding]])
        yield hashlib.sha256(text.encode()).hexdigest()
