"""Hypothesis profiles: `dev`, `ci` (used if `CI` is set), and `long`, with the most examples."""

import os

from hypothesis import settings

SHARE = {"dev": 5, "ci": 2, "long": 1}
"""The divisor of the number of examples in each profile."""
USUAL = 100

for _name, _share in SHARE.items():
    settings.register_profile(_name, deadline=None, max_examples=USUAL // _share)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


def examples(count: int) -> int:
    """Return the number of examples in the current profile; `count` is that of `long`."""
    return count // SHARE[settings.get_current_profile_name()]
