"""How evidence is made: what was asked, what came back, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Evidence, clean_args
from supportctl.core.text import clean, hexed

if TYPE_CHECKING:
    from supportctl.core.clock import Clock

_TEXT_LIMIT = 400


def evidence(
    clock: Clock,
    asked: str,
    meaning: str = "",
    *,
    started: float,
    sent: bytes | str | None = None,
    got: bytes | str | None = None,
    **args: object,
) -> Evidence:
    """Return an Evidence; bytes become hex, text is made safe to show."""
    elapsed = round((clock.monotonic() - started) * 1000, 1)
    return Evidence(clean(asked), clock.now(), elapsed, _shown(sent), _shown(got), meaning, clean_args(args))


def _shown(data: bytes | str | None) -> str | None:
    if data is None:
        return None
    return hexed(data) if isinstance(data, bytes) else clean(data, _TEXT_LIMIT)
