"""What the codes of a ZVT terminal amount to: the table is data, the words are in the catalogue."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any, Literal, NamedTuple

from supportctl.core.data import beside
from supportctl.core.finding import Meaning

HOST_CODES = range(0x01, 0x64)  # given by the authorisation system of the bank, in its own numbering

# Every code that a row of the table may name.
CODES = frozenset({
    "terminal.fault", "terminal.busy", "terminal.battery-low", "terminal.not-registered",
    "terminal.host-unreachable",
})  # fmt: skip


class Verdict(NamedTuple):
    """A finding code, what the terminal's code means, and what helps."""

    code: str
    meaning: str
    help: Meaning


def judge(kind: Literal["status", "result"], number: int) -> Verdict:
    """Return what a status byte or a result amounts to; one that no table has is a fault of its own kind."""
    row = _table()[kind].get(f"{number:02x}")
    if row is None:
        host = kind == "result" and number in HOST_CODES
        return Verdict(
            "terminal.fault",
            "zvt.result-of-host" if host else f"zvt.{kind}-unlisted",
            Meaning("zvt.help-bank" if host else "zvt.help-restart"),
        )
    help_ = row.get("help", "zvt.help-restart")
    return Verdict(row.get("code", "terminal.fault"), f"zvt.{kind}-{number:02x}", Meaning(help_))


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(beside(__name__, "terminal_data/zvt_codes.toml").decode("utf-8"))
