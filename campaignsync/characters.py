"""Match the characters that a text may not contain, and those that a reader cannot see."""

import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
"""Control characters, which can corrupt terminals and logs; line breaks and tabs are text."""
TAG = r"[\U000e0020-\U000e007f]"
NOT_OF_A_FLAG = "".join(rf"(?<!\U0001f3f4{TAG}{{{count}}})" for count in range(7))
HIDDEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    r"|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
    rf"|{NOT_OF_A_FLAG}{TAG}"
)
"""Characters that are invisible or change the text direction.

Two uses in emoji are excluded: a joiner after a pictograph, and up to seven tags after a flag.
"""
