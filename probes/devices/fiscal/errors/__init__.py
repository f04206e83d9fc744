"""The makers' error tables: what the shop may do with an error, who acts, and which finding it is.

One TOML file a table, `<maker>.toml` or `<maker>-<part>.toml` where numbers are reused (a storage's errors
have the numbers of the register's). Rows are keyed as the vendor writes them: two hex digits, or decimal in a
file that begins with `base = 10`:

    ["4e"]
    code = "fiscal.shift-over-24h"   # left out: the row is told as `fiscal.device-error`
    sales = false                    # whether the shop may go on selling
    who = "cashier"                  # who takes the first step

The words are evidence texts: `maker.error-4e` (what it means) and `maker.error-4e-do` (the first step); for a
part `maker.part-error-4e`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from supportctl.core.finding import Meaning

_HEX = 16


class ErrorFacts(NamedTuple):
    """One row of a table. `meaning` and `first_step` are keys of the evidence texts."""

    code: str | None
    sales: bool
    who: str
    meaning: Meaning
    first_step: Meaning


def tables() -> tuple[str, ...]:
    """Return the names of all tables, sorted."""
    return tuple(
        sorted(p.name.removesuffix(".toml") for p in files(__name__).iterdir() if p.name.endswith(".toml"))
    )


def numbers(table: str) -> tuple[int, ...]:
    """Return the numbers that a table has, sorted.

    Raises:
        FileNotFoundError: there is no such table.
    """
    return tuple(sorted(_read(table).rows))


def look_up(table: str, number: int) -> ErrorFacts | None:
    """Return the row of an error, None where the vendor's table has none.

    Raises:
        FileNotFoundError: there is no such table.
    """
    return _read(table).rows.get(number)


def shown(table: str, number: int) -> str:
    """Return an error's number as the vendor writes it.

    Raises:
        FileNotFoundError: there is no such table.
    """
    return str(number) if _read(table).decimal else f"{number:02x}"


class _Table(NamedTuple):
    decimal: bool
    rows: dict[int, ErrorFacts]


@cache
def _read(table: str) -> _Table:
    entries = tomllib.loads((files(__name__) / f"{table}.toml").read_text(encoding="utf-8"))
    base = entries.pop("base", _HEX)
    return _Table(base != _HEX, {int(key, base): _facts(table, key, row) for key, row in entries.items()})


def _facts(table: str, key: str, row: dict[str, Any]) -> ErrorFacts:
    maker, _, part = table.partition("-")
    name = f"{maker}.{part}-error-{key}" if part else f"{maker}.error-{key}"
    return ErrorFacts(row.get("code"), row["sales"], row["who"], Meaning(name), Meaning(f"{name}-do"))
