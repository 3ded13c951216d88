"""Hypothesis's profiles: `dev` draws a quarter of the examples of `ci`, where `CI` is set."""

import os

from hypothesis import settings

SHARE = {"dev": 4, "ci": 1}
"""The part of the examples that each profile draws: one in so many."""
USUAL = 100

for _name, _share in SHARE.items():
    settings.register_profile(_name, deadline=None, max_examples=USUAL // _share)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


def examples(count: int) -> int:
    """Return how many examples the current profile draws, of the `count` of a long run."""
    return count // SHARE[settings.get_current_profile_name()]
