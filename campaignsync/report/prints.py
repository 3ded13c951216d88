"""Fingerprints: by them a CI system knows a finding of today for the one of yesterday."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator


def fingerprints(findings: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Give each finding its print: the same wherever its line moves, and no other finding's.

    A finding is told by what it is about, without its place; those that are told alike are
    counted.
    """
    seen = Counter[tuple[str, ...]]()
    for finding in findings:
        seen[finding] += 1
        told = json.dumps([*finding, seen[finding]])
        yield hashlib.sha256(told.encode()).hexdigest()
