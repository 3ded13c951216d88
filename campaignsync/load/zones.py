"""Suggest IANA time zones for other spellings, such as abbreviations and offsets."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from zoneinfo import available_timezones

from campaignsync.load.hints import ascii_of
from campaignsync.suggest import LONGEST, did_you_mean

MEXICO, BOGOTA, LIMA = "America/Mexico_City", "America/Bogota", "America/Lima"
CARACAS, SANTIAGO, LA_PAZ = "America/Caracas", "America/Santiago", "America/La_Paz"
BUENOS_AIRES, SAO_PAULO = "America/Argentina/Buenos_Aires", "America/Sao_Paulo"
GUAYAQUIL, MADRID = "America/Guayaquil", "Europe/Madrid"

ZONES_BY_NAME: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("utc", "gmt", "z", "zulu", "uct"), ("UTC",)),
    **dict.fromkeys(("cst", "cdt"), (MEXICO, "America/Chicago")),
    **dict.fromkeys(("est", "edt"), ("America/Cancun", "America/New_York")),
    **dict.fromkeys(("mst", "mdt"), ("America/Hermosillo", "America/Denver")),
    **dict.fromkeys(("pst", "pdt"), ("America/Tijuana", "America/Los_Angeles")),
    **dict.fromkeys(("cot", "colombia"), (BOGOTA,)),
    **dict.fromkeys(("pet", "peru"), (LIMA,)),
    **dict.fromkeys(("art", "argentina"), (BUENOS_AIRES,)),
    **dict.fromkeys(("brt", "brazil", "brasil"), (SAO_PAULO,)),
    **dict.fromkeys(("clt", "clst", "chile"), (SANTIAGO,)),
    **dict.fromkeys(("vet", "venezuela"), (CARACAS,)),
    **dict.fromkeys(("bot", "bolivia"), (LA_PAZ,)),
    **dict.fromkeys(("ect", "ecuador"), (GUAYAQUIL,)),
    **dict.fromkeys(("cet", "cest", "spain", "espana"), (MADRID,)),
    **dict.fromkeys(("mexico", "cdmx", "df"), (MEXICO,)),
}
"""Zones by abbreviation, country or nickname, for the regions where the API is used most."""
ZONES_BY_OFFSET: Mapping[int, tuple[str, ...]] = {
    -8: ("America/Tijuana",),
    -7: ("America/Hermosillo",),
    -6: (MEXICO, "America/Guatemala", "America/Costa_Rica"),
    -5: (BOGOTA, LIMA, "America/Cancun"),
    -4: (CARACAS, LA_PAZ, SANTIAGO),
    -3: (BUENOS_AIRES, SAO_PAULO, "America/Montevideo"),
    0: ("UTC",),
    1: (MADRID,),
}
"""Zones by their standard offset from UTC, in hours (east is positive)."""
OFFSET = re.compile(r"(etc/)?(?:gmt|utc)?\s*([+-])\s*([0-9]{1,2})(?::?00)?\Z")


def zones_meant(text: str) -> list[str]:
    """Return the zones that a text probably means: by offset, by name, or the one spelled alike."""
    plain = ascii_of(text[:LONGEST]).strip()
    if found := OFFSET.match(plain.lower()):
        return _zones_at(found)
    city = plain.rpartition("/")[2].replace(" ", "_").lower()
    zones = sorted(available_timezones())
    return (
        [*ZONES_BY_NAME.get(city, ZONES_BY_NAME.get(_abbreviation(plain.lower()), ()))]
        or [zone for zone in zones if zone.lower().endswith(f"/{city}")]
        or get_close_matches(plain, zones, n=1, cutoff=0.7)
    )


def _zones_at(offset: re.Match[str]) -> list[str]:
    etc, sign, hours = offset.groups()
    east = int(hours) if sign == "+" else -int(hours)
    # `Etc/GMT+6` is UTC-6. Also try UTC+6 if no zone of the first sign is listed: the author may
    # have expected the usual sign.
    sides = (-east, east) if etc else (east,)
    return next(([*ZONES_BY_OFFSET[side]] for side in sides if side in ZONES_BY_OFFSET), [])


def _abbreviation(plain: str) -> str:
    """Return `cst` for `central standard time (mexico)` and for `cst6cdt`."""
    words = plain.partition("(")[0].split()
    if words[-1:] == ["time"]:
        return "".join(word[0] for word in words)
    return re.split("[0-9]", plain, maxsplit=1)[0]


def zone_hint(text: str, zones: list[str]) -> str:
    """Return a hint with the zones that a text may mean; for an offset, first what is wrong."""
    question = did_you_mean(zones)
    if found := OFFSET.match(ascii_of(text[:LONGEST]).strip().lower()):
        etc, sign, hours = found.groups()
        if etc:
            turned = "-" if sign == "+" else "+"
            return f"the signs of Etc zones are inverted: this is UTC{turned}{hours}; {question}"
        return f"a fixed offset does not follow daylight saving time; {question}"
    return question
