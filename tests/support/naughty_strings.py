"""Generated strings that often cause bugs: many scripts, and the syntax of many languages.

The published list of naughty strings is included if it is installed.
"""

import unicodedata
from collections.abc import Iterator

from support.published_corpora import naughty_strings

LONGEST_NAME = 255

SCRIPTS = (
    (0x41, 26), (0xC0, 40), (0x391, 24), (0x410, 64), (0x531, 38), (0x5D0, 27), (0x627, 36),
    (0x905, 50), (0xE01, 46), (0x10D0, 33), (0x1200, 40), (0x3042, 80), (0x4E00, 60), (0xAC00, 60),
    (0x13A0, 60), (0x16A0, 60), (0x1D400, 60), (0x10330, 27), (0x12000, 40), (0x20000, 30),
)  # fmt: skip
"""The first code point and the number of letters of each script."""

PAYLOAD = "1+1"


def scripts() -> Iterator[str]:
    """Yield letters of many scripts, including right-to-left scripts."""
    for first, count in SCRIPTS:
        letters = "".join(map(chr, range(first, first + count)))
        yield letters
        yield f"{letters[:6]} Hola {letters[:6]}"
        yield unicodedata.normalize("NFD", letters)[:LONGEST_NAME]


def marks() -> Iterator[str]:
    """Yield combining marks, invisible characters, spaces of every width, and emoji."""
    heap = "".join(map(chr, range(0x300, 0x370)))
    yield f"z{heap}"
    yield "".join(f"{letter}{heap[:20]}" for letter in "campaign")
    yield from ("\u202ehalf\u202c", "\u2067a\u2066b", "a\u200bb", "\ufeffa", "a\u00adb", "\u2060")
    for space in (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
        yield f"a{chr(space)}b"
        yield f"{chr(space)}x{chr(space)}"
    yield from ("👩🏽‍🚒", "👨‍👩‍👧‍👦" * 9, "🇲🇽🇨🇴🇨🇱", "❤️", "1️⃣", "🏳️‍🌈", "🫠" * 255, "\U0001f3fb", "☎︎")
    yield from ("é", "e\u0301", "ﬁ", "ſ", "İ", "ß", "K", "Å", "ǅ", "ŉ")


def edges() -> Iterator[str]:
    """Yield code points next to surrogates and at ends of planes, and noncharacters."""
    for point in (0xD7FF, 0xE000, 0xF8FF, 0xFDD0, 0xFFFD, 0x10000, 0x1FFFF, 0x2FFFE, 0x10FFFF):
        yield f"a{chr(point)}b"
    yield from ("\x85a", "\u2028a", "\u2029a", "\x7fa", "a\x00b", "a\x1b[31mb", "a\x9bb", "\x0b")
    yield from ("\t", "a\tb", "\r\n", "a\nb\n", "\n\na", " \n ", "a\\nb", "\\u0000", "\\x1b")


def languages() -> Iterator[str]:
    """Yield the quoting, escaping and template syntax of many languages."""
    for opening, closing in (
        ("'", "'"), ('"', '"'), ("`", "`"), ("'; --", ""), ('" OR ""="', ""), ("') OR 1=1 --", ""),
        ("<b>", "</b>"), ("<script>", "</script>"), ("<img src=x onerror=", ">"), ("-->", "<!--"),
        ("${", "}"), ("$(", ")"), ("`", "`"), ("; ", ";"), ("| ", ""), ("&& ", ""), ("> ", ""),
        ("{{", "}}"), ("{%", "%}"), ("<%=", "%>"), ("#{", "}"), ("%(", ")s"), ("{0.", "}"),
        ("${jndi:x://", "}"), ("]]>", "<![CDATA["), ("&", ";"), ("%25", "%00"), ("*)(&(", ")"),
        ("\\", "\\"), ("/*", "*/"), ("//", ""), ("# ", ""), ("$", "$"), ("~", "~"), ("?", "="),
        ("../../", ""), ("C:\\", ""), ("file:///", ""), ("javascript:", ""), ("=cmd|' /C x'!", ""),
        ("@", ""), ("+", ""), ("-", ""), ("=", ""), ("!", "!"), ("^", "^"), ("[", "]"),
    ):  # fmt: skip
        yield f"{opening}{PAYLOAD}{closing}"
    yield from ("%s", "%n%n%n", "%d%p%x", "%s" * 40, "{}", "{0}", "{name}", "{{name}}", "%%", "$1")


def yaml() -> Iterator[str]:
    """Yield text that YAML reads as another type, or cannot parse."""
    yield from ("no", "yes", "on", "off", "y", "N", "true", "False", "null", "~", "NaN", ".inf")
    yield from ("- a", "? a", ": a", "a: b", "a #b", "#a", "&a b", "*a", "!a", "!!int 1", "%YAML")
    yield from ("---", "...", "{a: 1}", "[a", "]", "|", ">-", "'", '"', "@a", "`a", "<<", "=", "\\")
    yield from ("a:", " a", "a ", "2026-01-05", "12:30", "1_000", "0x1F", "0o17", "1e3", "+52 55")


def numbers() -> Iterator[str]:
    """Yield text that resembles a number, or is too large a number."""
    yield from ("0", "-0", "00", "1", "-1", "1.", ".1", "1.0", "1e309", "-Infinity", "0b1", "1,5")
    yield from (f"{2**bits}" for bits in (31, 32, 53, 63, 64, 128))
    yield from ("9" * 255, "0." + "0" * 200 + "1", "１２３", "٣", "²", "½", "Ⅷ", "1/0", "0x", "--1")


def lengths() -> Iterator[str]:
    """Yield text of the maximum length of a name, and longer text."""
    yield from ("x" * LONGEST_NAME, "ñ" * LONGEST_NAME, "🙂" * LONGEST_NAME)
    yield from ("x" * (LONGEST_NAME + 1), "word " * 2000, "ab\n" * 2000)


def all_of_them() -> tuple[str, ...]:
    """Return all naughty strings without duplicates."""
    kinds = (scripts, marks, edges, languages, yaml, numbers, lengths, naughty_strings)
    return tuple(dict.fromkeys(text for kind in kinds for text in kind()))
