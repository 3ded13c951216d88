"""Write definitions as YAML without shared values, each line with the source of its value."""

from collections.abc import Iterable, Iterator

from campaignsync.authoring.style import level_lines
from campaignsync.model.values import Definition
from campaignsync.yamltree.scalars import comment, written


def resolved(definitions: Iterable[Definition]) -> str:
    """Return one YAML document per definition, complete without the workspace file."""
    return "\n---\n".join("\n".join(_lines(definition)) for definition in definitions)


def _lines(definition: Definition) -> Iterator[str]:
    remarks = {path: f"  # {comment(str(at))}" for path, at in definition.places.items()}
    yield f"id: {definition.id}{remarks['id']}"
    if definition.labels:
        labels = (
            f"{written(name, flow=True)}: {written(text, flow=True)}"
            for name, text in definition.labels.items()
        )
        yield f"labels: {{{', '.join(labels)}}}"
    yield from level_lines(definition.values, "", 0, remarks)
