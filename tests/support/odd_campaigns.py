"""Generated live campaigns with a mix of valid and unexpected values."""

from typing import Any

from hypothesis import strategies as st

from campaignsync.model.definitions import LiveCampaign
from campaignsync.model.fields import BY_PATH, FIELDS
from campaignsync.model.kind import UNKNOWN_VALUE
from support.naughty_strings import all_of_them
from support.strategies import VALUES

NAUGHTY = all_of_them()

texts = (
    st.sampled_from(NAUGHTY)
    | st.text(max_size=200)
    | st.text("ab :#-'\"\\\n\t{}[],&*!|>%@`?~é🙂\u200b\u202e", max_size=40)
    | st.lists(st.text("abc", max_size=12), max_size=60).map(" ".join)
)
clocks = st.sampled_from(
    ["9:00", "09:00:00", "18:30", "23:59", "24:00", "", None, "noon", "07:15:30"]
)
windows = st.none() | st.fixed_dictionaries(
    {}, optional={"startTime": clocks, "stopTime": clocks, "active": st.booleans() | st.none()}
)
scraps = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


def answered(path: str) -> st.SearchStrategy[Any]:
    """Return a strategy for a field's value in a response: mostly valid values."""
    sane = VALUES.get(path, texts)
    return sane | sane | sane | sane | texts | windows | st.lists(texts, max_size=3) | scraps


@st.composite
def live_campaigns(draw: st.DrawFn) -> LiveCampaign:
    """Draw a live campaign; each field is canonical, as after reading a response, or unknown."""
    response = draw(st.fixed_dictionaries({}, optional={f.path: answered(f.path) for f in FIELDS}))
    values = {path: BY_PATH[path].kind.canonical(value) for path, value in response.items()}
    known = {path: value for path, value in values.items() if value is not UNKNOWN_VALUE}
    return LiveCampaign(draw(st.integers(1, 2**53 - 1)), known)
