"""Parameters in a query as PHP reads them: what the commands of a batch are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus


def encoded(params: Mapping[str, Any]) -> str:
    """Return parameters as PHP reads them from a query: `FILTER[>ID]=5`."""
    return "&".join(f"{key}={quote_plus(value)}" for key, value in _flat(params, ""))


def _flat(value: Any, key: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            quoted = quote_plus(str(name))
            yield from _flat(inner, f"{key}[{quoted}]" if key else quoted)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{key}[{number}]")
    else:
        yield key, "" if value is None else str(int(value) if isinstance(value, bool) else value)
