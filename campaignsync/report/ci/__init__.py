"""Reports that CI systems read: GitHub, GitLab, JUnit and SARIF."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator


def fingerprints(findings: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a fingerprint for each finding, by which a CI system recognises it in the next run.

    A finding is what it is about, without its place, so that its line may move. Equal findings are
    numbered.
    """
    seen = Counter[tuple[str, ...]]()
    for finding in findings:
        seen[finding] += 1
        text = json.dumps([*finding, seen[finding]])
        yield hashlib.sha256(text.encode()).hexdigest()
