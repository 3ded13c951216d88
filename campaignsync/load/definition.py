"""Read a definition file, resolve it for an environment, and check the rules between its fields.

The value of each field comes from the first of these that sets it: the definition's section for the
environment, the definition itself, the defaults of its channel, the general defaults. Fields are
resolved one by one; lists are not merged. Some fields are valid in the API only under a condition,
such as a channel's texts or the fields of cycles. A default for them applies only to definitions
that meet the condition explicitly.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from campaignsync.errors import Problem, Source
from campaignsync.load.raw_fields import RawMapping, raw_mapping, read_fields
from campaignsync.load.texts import Texts
from campaignsync.load.validate import Part, validate_part
from campaignsync.load.yaml_document import SourceFile, YamlDocument, truncated
from campaignsync.model.campaign import EVERYWHERE, DefinitionFile
from campaignsync.model.definitions import Definition, Shared, SourcedValues
from campaignsync.model.fields import BY_PATH, FIELDS, Field, unmet
from campaignsync.model.kind import Value
from campaignsync.model.metadata import REFUSALS, Requirement
from campaignsync.suggest import suggestion

LATIN = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]")
LATIN_LOOKALIKE = re.compile(
    r"[\u0370-\u03a8\u03aa-\u03bb\u03bd-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13f5]"
)
"""Matches a letter of an alphabet with Latin-like letters.

These are Greek (without the unit signs μ and Ω), Cyrillic, Armenian and Cherokee.
"""
WORD = re.compile(r"[^\W\d_]+")


@dataclass(slots=True, eq=False)
class UnresolvedDefinition:
    """The values of one definition file, before an environment is chosen and defaults are applied.

    `ids` holds the campaign's id by environment, or one id for EVERYWHERE.
    `id_source` is the position of the id. `overrides` holds the values of each environment's
    section.
    """

    source_file: SourceFile
    ids: Mapping[str, int]
    id_source: Source
    values: SourcedValues
    overrides: Mapping[str, SourcedValues] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def id_in(self, environment: str | None) -> int | None:
        """Return the campaign's id in an environment, or None."""
        return self.ids.get(EVERYWHERE) or self.ids.get(environment or EVERYWHERE)


def read_definition(
    document: YamlDocument, shared: Shared, texts: Texts
) -> UnresolvedDefinition | None:
    """Return what a document sets; if it has no valid id, note a problem and return None."""
    raw = raw_mapping(document, document.root)
    ids, environments = raw.mapping("id"), raw.mapping("environments")
    for name, (key, _) in (*ids.nodes.items(), *environments.nodes.items()):
        if name not in shared.environments:
            known = shared.environments
            hint = (
                suggestion(name, known)
                if known
                else "define it under `environments` in campaignsync.yaml"
            )
            document.problem(
                "UNKNOWN_ENVIRONMENT", f"no environment `{truncated(name)}`", key, hint
            )
    own = read_fields(document, raw, shared, texts)
    overrides = {
        name: read_fields(document, environments.mapping(name), shared, texts)
        for name in environments
    }
    file = validate_part(Part(document, document.root, raw, DefinitionFile))
    for fields in (own, *overrides.values()):
        fields.note_hidden()
    if file is None:
        return None
    id_at = raw.nodes["id"][1]
    unresolved = UnresolvedDefinition(
        document.source_file,
        file.id,
        document.source(id_at),
        own.sourced_values(file),
        {
            name: overrides[name].sourced_values(each)
            for name, each in (file.environments or {}).items()
        },
        file.labels or {},
    )
    if not (
        unresolved.values
        or unresolved.overrides
        or shared.defaults
        or document.source_file.problems
    ):
        document.problem(
            "NOTHING_MANAGED",
            "the definition sets only its id, and so manages no field",
            id_at,
            "add the fields to manage, or remove the file",
            severity="warning",
        )
    _note_missing_ids(document, unresolved, environments)
    return unresolved


def _note_missing_ids(
    document: YamlDocument, unresolved: UnresolvedDefinition, environments: RawMapping
) -> None:
    """Warn of values for an environment without an id of the campaign."""
    for name, (key, _) in environments.nodes.items():
        if not unresolved.ids.keys() & {EVERYWHERE, name}:
            document.problem(
                "NO_ENVIRONMENT_ID",
                f"no id for environment `{truncated(name)}`: these values have no effect",
                key,
                f"write `id: {{{truncated(name)}: 1234}}`, or remove the values",
                severity="warning",
            )


def resolve(
    unresolved: UnresolvedDefinition, shared: Shared, environment: str | None
) -> Definition | None:
    """Return the definition for an environment; None if the campaign has no id there."""
    if (id_ := unresolved.id_in(environment)) is None:
        return None
    overrides = unresolved.overrides.get(environment or "", {})
    sourced = {**unresolved.values, **overrides}
    values = {path: value for path, (value, _) in sourced.items()}
    places = {"id": unresolved.id_source, **{path: at for path, (_, at) in sourced.items()}}
    if shared.defaults or shared.channels:
        _add_defaults(values, places, shared)
    ordered = {field.path: values[field.path] for field in FIELDS if field.path in values}
    own = frozenset(overrides)
    return Definition(id_, unresolved.source_file.name, ordered, places, unresolved.labels, own)


def _add_defaults(values: dict[str, Value], places: dict[str, Source], shared: Shared) -> None:
    """Add the defaults of unset fields.

    FIELDS lists a condition before the fields that require it, so one pass is enough.
    """
    for row in FIELDS:
        if row.path in values:
            continue
        channel = shared.channels.get(str(values.get("integration_type")), {})
        default = channel.get(row.path) or shared.defaults.get(row.path)
        if default and _is_condition_met(row, values):
            values[row.path], places[row.path] = default


def _is_condition_met(field: Field, facts: Mapping[str, Value]) -> bool:
    """Return whether a field's nearest condition is set, and no other one is contradicted."""
    if not field.api.requires:
        return True
    nearest = field.api.requires[-1]
    return facts.get(nearest.path) == nearest.value and not unmet(field, facts)


def rule_violations(definition: Definition) -> Iterator[Problem]:
    """Yield each violated rule between fields; a field that is not set violates no rule."""
    values = definition.values
    for path in values:
        if requirement := unmet(BY_PATH[path], values):
            yield Problem(
                requirement.code,
                conflict_message(path, requirement, values),
                _source_in_file(definition, path, requirement.path),
                REFUSALS[requirement.code].remedy,
            )
    first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
    if first in values and last in values and values[last] < values[first]:
        yield Problem(
            "DATES_REVERSED",
            f"`{last}` is before `{first}`",
            _source_in_file(definition, last, first),
            "swap them",
        )


def conflict_message(path: str, requirement: Requirement, values: Mapping[str, Value]) -> str:
    """Return the message for a field that cannot be combined with the value of another field."""
    other = yaml_line(requirement.path, values[requirement.path])
    return f"`{path}` conflicts with `{other}`: {REFUSALS[requirement.code].means}"


def _source_in_file(definition: Definition, path: str, other: str) -> Source:
    """Return the source of the field, or of the other one if only that is in the definition."""
    sources = [definition.source_of(each) for each in (path, other)]
    return next((source for source in sources if source.file == definition.file), sources[0])


def yaml_line(path: str, value: Value) -> str:
    return f"{path}: {str(value).lower() if isinstance(value, bool) else value}"


def mixed_alphabets(definition: Definition) -> Iterator[Problem]:
    """Yield a warning for each text with a word that has both Latin and other letters."""
    for path, value in definition.values.items():
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and (letters := _lookalikes(text)):
                yield Problem(
                    "MIXED_SCRIPTS",
                    f"`{path}` mixes letters of two alphabets in one word: {_code_points(letters)}",
                    definition.source_of(path),
                    "write the word in one alphabet: these letters look like Latin ones",
                    "warning",
                )


def _lookalikes(text: str) -> dict[str, None]:
    """Return the letters of other alphabets in words that also have Latin letters, in order."""
    if not LATIN_LOOKALIKE.search(text):
        return {}
    mixed = (word for word in WORD.findall(text) if LATIN.search(word))
    return dict.fromkeys(letter for word in mixed for letter in LATIN_LOOKALIKE.findall(word))


def _code_points(letters: dict[str, None]) -> str:
    return ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '')}" for each in letters)
