"""The HTML report: self-contained, safe against any text, and accessible."""

import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.faults import Sandbox
from support.naughty_strings import all_of_them
from support.plans import a_plan, a_plan_about, blocked, campaign, change, patch, window
from support.servers import desire, plan_of, run_to_end

from campaignsync.characters import HIDDEN
from campaignsync.model.plan import Plan
from campaignsync.report.format import format_named
from campaignsync.report.week_drawing import Span, weeks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "input", "line", "rect"}
TRICKS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' autofocus onfocus=x y='",
    "</style><b>", "</title><b>", "</pre><b>", "</details></details>", "<!-- x", "&lt;b&gt;",
    "{{ 7 * 7 }}", "{% raw %}", "javascript:alert(1)", "\u202eabc", "a\u200bb",
)  # fmt: skip


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page in order, each with its text."""

    source: str
    elements: list[Element] = field(default_factory=list)
    inside: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert not self.inside

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.inside:
            element.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


def page(plan: Plan) -> Page:
    return Page(format_named("html").plan(plan))


def a_week_long_plan() -> Plan:
    """Return a plan with every element that the page can show."""
    message = "\n".join(("Hola, ¿hablo con {{name}}?", *map(str, range(20)), "Adiós."))
    changes = (
        *(
            change(f"scheduling.{day}", window("09:00", "18:00"), window("10:00", "19:30"))
            for day in ("mon", "tue", "wed")
        ),
        change("scheduling.sun", window("09:00", "12:00"), {"active": False}),
        change("message_limit", None, 5000, known=False),
        change("first_message", message, message.replace("Hola", "Hola, buenos días")),
    )
    return a_plan(
        campaign(
            1, "One", changes=changes, requests=patch(1, {"message_limit": 5000}), notes=("noted",)
        ),
        blocked(2, "Two"),
        campaign(3, "Three", action="frozen", requests=(), notes=("it is finished",)),
        campaign(4, "Four", action="unchanged", changes=(), requests=()),
    )


# Self-contained


def test_the_html_report_is_self_contained() -> None:
    """The page needs no network, has no scripts, and no external links."""
    html = page(a_week_long_plan())

    assert not {element.tag for element in html.elements} & {
        "script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio",
    }  # fmt: skip
    for element in html.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "action", "style", "xlink:href")
            assert name != "href" or re.fullmatch(r"#c\d+", value or "")
    style = "".join(element.text for element in html.all("style"))
    assert "url(" not in style
    assert "@import" not in style
    policies = [each.attributes.get("content") or "" for each in html.all("meta")]
    assert any(policy.startswith("default-src 'none'") for policy in policies)


@pytest.mark.slow
@pytest.mark.fault("C6")
def test_texts_cannot_change_the_structure() -> None:
    """With any text, the page has the same elements."""
    for text in TRICKS:
        html, plain = page(a_plan_about(text)), page(a_plan_about("x" * len(text)))
        tags, plain_tags = (
            # The marked part of a line depends on its letters.
            [each.tag for each in one.elements if each.tag != "mark"]
            for one in (html, plain)
        )
        assert tags == plain_tags, text
        assert not HIDDEN.findall(html.source)


@pytest.mark.slow
@pytest.mark.fault("C4")
def test_every_naughty_string_is_shown() -> None:
    """The page stays well formed, and every text is complete."""
    for text in all_of_them():
        html = page(a_plan_about(text))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", html.source)
        bodies = [json.loads(element.text) for element in html.all("pre")]
        assert bodies == [{"name": text, "first_message": text}]


# Content


def test_the_html_report_shows_changes_side_by_side() -> None:
    """A reviewer sees live beside desired, folded weekdays, and unreadable values."""
    html = page(a_week_long_plan())

    # Blocked campaigns come first, with one change.
    cells = [(e.attributes.get("class"), e.text) for e in html.all("td")][2:]
    assert cells[:6] == [
        ("live", "09:00–18:00"), ("desired", "10:00–19:30"),
        ("live", "09:00–12:00"), ("desired", "closed"),
        ("live unread", "not readable"), ("desired", "5000"),
    ]  # fmt: skip
    assert cells[6:8] == [
        ("live", "Hola, ¿hablo con {{name}}?"),
        ("desired", "Hola, buenos días, ¿hablo con {{name}}?"),
    ]
    assert ("live", "… 17 unchanged lines …") in cells
    assert ", buenos días" in [element.text for element in html.all("mark")]
    assert html.all("h1")[0].text == (
        "Plan: 1 to update, 1 blocked, 1 frozen, 1 unchanged, 1 field not readable."
    )
    assert [json.loads(element.text) for element in html.all("pre")] == [{"message_limit": 5000}]


def test_an_added_empty_line_does_not_separate_two_versions_of_a_line() -> None:
    """A line that changed is next to its new version, even below an added empty line."""
    text = change("first_message", "Hola\nLe llamo hoy.", "Hola\n\nLe llamo ayer.")

    rows = [e.text for e in page(a_plan(campaign(1, changes=(text,)))).all("td")]

    assert rows == ["Hola", "Hola", "", "", "Le llamo hoy.", "Le llamo ayer."]


def test_weekly_hours_are_drawn_before_and_after() -> None:
    """For each day that changes, the old and the new hours are drawn, to the minute."""
    plan = a_week_long_plan()
    (week,) = weeks(plan.campaigns[0], plan.created_at)

    assert [(day.before, day.after) for day in week.days] == [
        *[((Span(540, 1080),), (Span(600, 1170),))] * 3,
        *[((), ())] * 3,
        ((Span(540, 720),), ()),
    ]
    html = page(plan)
    rects = [each.attributes for each in html.all("rect")]
    assert [each["class"] for each in rects] == ["live", "desired"] * 3 + ["live"]
    assert (rects[0]["x"], rects[0]["width"]) == ("220.0", "180.0")  # 9 hours from 9 o'clock
    (drawing,) = html.all("svg")
    assert "mon 09:00–18:00 → 10:00–19:30" in (drawing.attributes["aria-label"] or "")


@pytest.mark.parametrize(
    "odd",
    [None, 5, "closed", [], {}, window("9", "10"), window("18:00", "09:00"), {"active": True}],
)
def test_an_invalid_window_is_not_drawn(odd: object) -> None:
    """Invalid live hours are in the table, and do not break a drawing."""
    plan = a_plan(campaign(1, changes=(change("scheduling.mon", odd, window("09:00", "18:00")),)))

    assert [each.attributes["class"] for each in page(plan).all("rect")] == ["desired"]


HOURS = window("09:00", "18:00")
CLOSED = {"active": False}


def drawn(plan: Plan) -> list[tuple[str | None, str | None, str | None]]:
    """Return the bars of a page: kind, start and length."""
    rects = [each.attributes for each in page(plan).all("rect")]
    return [(each["class"], each["x"], each["width"]) for each in rects]


def test_days_that_do_not_change_are_drawn_too() -> None:
    """A newly added Saturday is not drawn as if it had hours before."""
    with Sandbox(
        {"campaigns": [{"id": 1, "scheduling": {"mon": HOURS, "tue": HOURS, "sat": CLOSED}}]},
        rate=None,
    ) as server:
        plan = run_to_end(
            plan_of(server, desire([1], **{"scheduling.sat": window("10:00", "14:00")}))
        )

    assert drawn(plan) == [("same", "220.0", "180.0")] * 2 + [("desired", "240.0", "80.0")]
    (drawing,) = page(plan).all("svg")
    assert drawing.attributes["aria-label"] == (
        "scheduling of campaign 1: sat closed (09:00–18:00) → 10:00–14:00"
    )


def test_a_change_of_time_zone_is_drawn() -> None:
    """The same hours in another zone are drawn on the live zone's clock, past midnight too."""
    late = window("09:00", "22:30")
    live = {"timezone": "America/Mexico_City", "scheduling": {"sun": late}}
    with Sandbox({"campaigns": [{"id": 1, **live}]}, rate=None) as server:
        plan = run_to_end(plan_of(server, desire([1], timezone="America/Tijuana")))

    # Tijuana is two hours behind Mexico City in January.
    assert drawn(plan) == [
        ("desired", "40.0", "10.0"),  # Monday until 00:30
        ("live", "220.0", "270.0"),
        ("desired", "260.0", "260.0"),
    ]
    (drawing,) = page(plan).all("svg")
    assert "sun 09:00–22:30 → 11:00–24:00" in (drawing.attributes["aria-label"] or "")
    (caption,) = page(plan).all("figcaption")
    assert "hours in America/Mexico_City (live)" in caption.text


@pytest.mark.parametrize("zone", ["Mars/Olympus", None, 5])
def test_an_invalid_zone_is_not_drawn(zone: object) -> None:
    """An invalid live time zone is shown in the table only."""
    plan = a_plan(
        campaign(
            1,
            changes=(change("timezone", zone, "America/Lima"),),
            unchanged_hours={"scheduling.mon": HOURS},
        )
    )

    assert drawn(plan) == []


def test_unreadable_fields_of_unchanged_campaigns_are_shown() -> None:
    """A campaign without a request is on the page once, with its unreadable fields."""
    unread = change("message_limit", None, 5000, known=False)
    values: dict[str, Any] = {"action": "unchanged", "requests": ()}
    html = page(a_plan(campaign(1, changes=(unread,), **values), campaign(2, changes=(), **values)))

    places = [e for e in html.elements if (e.attributes.get("id") or "").startswith("c")]
    assert [(e.tag, e.attributes["id"]) for e in places if e.tag != "h2"] == [
        ("details", "c1"),
        ("li", "c2"),
    ]
    assert html.all("td")[0].text == "not readable"


def test_each_present_state_has_a_filter() -> None:
    """States can be filtered without a script; empty ones are not offered."""
    html = page(a_plan(campaign(1), blocked(2)))
    values = [each.attributes["value"] for each in html.all("input")]
    style = html.all("style")[0].text

    assert values == ["all", "blocked", "update"]
    for value in values[1:]:
        assert f"input[value={value}]:checked" in style


# Accessibility


def test_the_html_report_is_accessible() -> None:
    """A screen reader finds the language, the title, ordered headings and table headers."""
    html = page(a_week_long_plan())

    assert html.all("html")[0].attributes["lang"] == "en"
    assert html.all("title")[0].text.startswith("Plan for production: Plan: 1 to update")
    assert any(each.attributes.get("name") == "viewport" for each in html.all("meta"))
    levels = [int(each.tag[1]) for each in html.elements if re.fullmatch("h[1-6]", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(each.attributes.get("scope") for each in html.all("th"))
    assert len(html.all("caption")) == len(html.all("table"))
    assert len(html.all("legend")) == len(html.all("fieldset")) == 1
    assert all(each.attributes["role"] == "img" for each in html.all("svg"))
    ids = [each.attributes["id"] for each in html.elements if "id" in each.attributes]
    assert len(set(ids)) == len(ids)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_have_enough_contrast(theme: str) -> None:
    """Text has a contrast of at least 4.5 to 1 in both themes."""
    style = page(a_plan()).all("style")[0].text
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    block = light if theme == "light" else dark
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]+)", block))
    pairs = [("ink", "paper"), ("ink", "sheet"), ("soft", "paper"), ("soft", "sheet"),
             ("link", "paper"), ("link", "sheet"), ("link", "blocked-wash"), ("ink", "gone-mark"),
             ("ink", "come-mark"), ("ink", "gone"), ("ink", "come"), ("ink", "blocked-wash"),
             ("soft", "blocked-wash"), ("blocked", "blocked-wash"), ("update", "update-wash"),
             ("frozen", "frozen-wash"), ("unchanged", "unchanged-wash")]  # fmt: skip

    for upper, lower in pairs:
        one, other = (luminance(colours[name]) for name in (upper, lower))
        assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5, (upper, lower)


@pytest.mark.slow
def test_an_html_report_of_a_thousand_campaigns_is_small() -> None:
    """A large plan is made within seconds, folded, and is at most a few megabytes."""
    (one, *_) = a_week_long_plan().campaigns
    long = change("first_message", "a\n" * 5000, "b\n" * 5000)
    first = one.model_copy(update={"id": 0, "changes": (long,)})
    fleet = a_plan(first, *(one.model_copy(update={"id": number}) for number in range(1, 1000)))
    started = time.process_time()

    text = format_named("html").plan(fleet)

    assert time.process_time() - started < 10
    assert len(text) < 6_000_000
    assert "… 4801 more lines …" in text
    assert '<details class="card update" data-state="update" id="c7">' in text


MEASURE = """
const shown = state => {
  document.querySelector(`input[value=${state}]`).checked = true;
  return [...document.querySelectorAll("main [data-state]")]
    .filter(each => each.checkVisibility()).map(each => each.dataset.state);
};
document.title = JSON.stringify({
  scrolled: document.documentElement.scrollWidth,
  width: innerWidth,
  drawing: document.querySelector("svg").getBoundingClientRect().width,
  all: shown("all"), blocked: shown("blocked"), unchanged: shown("unchanged"),
});
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_html_report(tmp_path: Path, width: int) -> None:
    """On a phone and on a desktop the page fits the width, and its filter works."""
    # Measuring needs a script, which the page's own policy forbids.
    policy = r'<meta http-equiv="Content-Security-Policy"[^>]*>'
    shown = re.sub(policy, "", format_named("html").plan(a_week_long_plan()))
    measured = shown.replace("</body>", f"<script>{MEASURE}</script></body>")
    (tmp_path / "page.html").write_text(measured)
    # A Chromium window has a minimum width, a frame does not.
    (tmp_path / "frame.html").write_text(
        f'<iframe width="{width}" height="900" style="border: 0" src="page.html"></iframe>'
        "<script>onload = () => { document.body.textContent ="
        " document.querySelector('iframe').contentDocument.title }</script>"
    )

    ran = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
         "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}",
         "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip

    page_facts = json.loads(ran.stdout.partition("<body>")[2].partition("<")[0])
    assert page_facts["scrolled"] <= page_facts["width"] == width
    assert 200 < page_facts["drawing"] < width
    assert page_facts["all"] == ["blocked", "update", "frozen", "unchanged"]
    assert page_facts["blocked"] == ["blocked"]
    assert page_facts["unchanged"] == ["unchanged"]
