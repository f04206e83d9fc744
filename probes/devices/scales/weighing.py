"""What a scale says, in words that no maker owns, and what follows from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

CODES = frozenset(
    {
        "scale.answers", "scale.weight", "scale.stable", "scale.unit", "scale.in-motion", "scale.over-capacity",
        "scale.under-zero", "scale.zero-lost", "scale.no-weight", "scale.unit-mismatch", "scale.fault",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weighing:
    """One answer of a scale. None: this protocol does not say."""

    weight: Decimal | None = None
    unit: str | None = None  # "kg", "g", "lb", "oz"
    stable: bool | None = None
    over_capacity: bool = False
    under_zero: bool = False
    zero_lost: bool = False  # outside the range that can be zeroed, or an error of zero at power-on
    fault: str | None = None  # evidence key: what the scale says is broken
    maker: str | None = None
    model: str | None = None
    serial: str | None = None


def judge(weighing: Weighing, context: ProbeContext, *evidence: Evidence) -> Iterator[Finding]:
    """Yield the findings of one answer."""
    yield context.ok(
        "scale.answers", *evidence, maker=weighing.maker or "?", model=weighing.model or "?", serial=weighing.serial or "?"
    )
    broken = False
    if weighing.fault:
        broken = True
        yield context.fault("scale.fault", *evidence, reason=weighing.fault)
    if weighing.over_capacity:
        broken = True
        yield context.fault("scale.over-capacity", *evidence)
    if weighing.under_zero:
        broken = True
        yield context.fault("scale.under-zero", *evidence)
    if weighing.zero_lost:
        broken = True
        yield context.fault("scale.zero-lost", *evidence)
    if weighing.stable is False:
        yield context.unknown("scale.in-motion", *evidence)
    elif weighing.stable:
        yield context.ok("scale.stable", *evidence)
    if weighing.weight is not None:
        yield context.ok("scale.weight", *evidence, weight=str(weighing.weight), unit=weighing.unit or "?")
    elif not broken and weighing.stable is not False:
        yield context.unknown("scale.no-weight", *evidence)
    expected = context.settings.expect.get("unit")
    if expected and weighing.unit and expected != weighing.unit:
        yield context.warning("scale.unit-mismatch", *evidence, unit=weighing.unit, expected=expected)
    elif weighing.unit:
        yield context.ok("scale.unit", *evidence, unit=weighing.unit)
