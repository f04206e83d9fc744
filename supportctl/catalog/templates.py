"""The `{argument}` fields of a text: which there are, and the text with their names in place of values."""

from __future__ import annotations

from string import Formatter


def fields(template: str) -> frozenset[str]:
    """Return the names in `{}`.

    Raises:
        ValueError: a brace is not closed, or a field is more than a plain name (`{x:.1f}`, `{x.y}`, `{}`).
    """
    found = set()
    for _text, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if spec or conversion or not name.isidentifier():
            raise ValueError(f"not a plain name in braces: {name!r} in {template!r}")
        found.add(name)
    return frozenset(found)


def with_names(template: str) -> str:
    """Return `template` with `‹name›` where a value will stand: a text without a finding."""
    return template.format_map({name: f"‹{name}›" for name in fields(template)})
