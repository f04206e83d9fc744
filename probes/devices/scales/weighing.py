"""What a scale says, in words that no maker owns, and what follows from it. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

    Seen = Callable[..., Evidence]  # (meaning, **args): the answer as evidence of what it means

CODES = frozenset(
    {
        "scale.answers", "scale.mode", "scale.weight", "scale.stable", "scale.unit", "scale.in-motion",
        "scale.over-capacity", "scale.under-zero", "scale.zero-lost", "scale.no-weight", "scale.fault",
        "scale.unit-mismatch", "scale.continuous-mode",
    }
)  # fmt: skip


class Weighing(NamedTuple):
    """One reading of a scale. None: this protocol does not say.

    `zero_lost` is the scale's own word that its zero is gone; `off_zero` that the load is outside the range
    in which zero can be set, which is natural while something moves on the pan or overloads it.
    `fault` and `no_weight` are keys of the evidence texts, filled with `args`: what the scale says is broken,
    and why it gives no weight.
    """

    weight: Decimal | None = None
    unit: str | None = None  # "kg", "g", "lb", "oz"
    stable: bool | None = None
    over_capacity: bool = False
    under_zero: bool = False
    zero_lost: bool = False
    off_zero: bool = False
    tared: bool = False
    fault: str | None = None
    no_weight: str = "scale.names-no-reason"
    args: Mapping[str, object] = MappingProxyType({})

    @property
    def hindered(self) -> bool:
        """Whether the scale names a cause for which it gives no usable weight."""
        causes = (self.fault, self.over_capacity, self.under_zero, self.zero_lost, self.off_zero)
        return any(causes) or self.stable is False


def judge(weighing: Weighing, context: ProbeContext, seen: Seen) -> Iterator[Finding]:
    """Yield the findings of one reading; an empty pan is a weight like any other."""
    yield from _causes(weighing, context, seen)
    if weighing.off_zero and not weighing.zero_lost:
        yield _off_zero(weighing, context, seen)
    if weighing.stable is False:
        yield context.unknown("scale.in-motion", seen("scale.is-moving"))
    elif weighing.stable:
        yield context.ok("scale.stable", seen("scale.is-stable"))
    if weighing.hindered:
        pass
    elif weighing.weight is not None:
        shown = f"{weighing.weight} {weighing.unit or ''}".strip()
        yield context.ok("scale.weight", seen("scale.shows", weight=shown), weight=shown)
    else:
        yield context.unknown("scale.no-weight", seen(weighing.no_weight, **weighing.args))
    yield from _unit(weighing, context, seen)


def _causes(weighing: Weighing, context: ProbeContext, seen: Seen) -> Iterator[Finding]:
    if weighing.fault:
        reason = Meaning(weighing.fault)
        yield context.fault(
            "scale.fault", seen(weighing.fault, **weighing.args), reason=reason, **weighing.args
        )
    if weighing.over_capacity:
        yield context.fault("scale.over-capacity", seen("scale.is-overloaded"))
    if weighing.under_zero:
        below = "scale.is-below-tare" if weighing.tared else "scale.is-below-zero"
        yield context.fault("scale.under-zero", seen(below))
    if weighing.zero_lost:
        yield context.fault("scale.zero-lost", seen("scale.has-no-zero"))


def _off_zero(weighing: Weighing, context: ProbeContext, seen: Seen) -> Finding:
    """A load outside the range of zero is a cause of its own only where the scale names no other."""
    if weighing.over_capacity:
        return context.skipped("scale.zero-lost", "scale.over-capacity")
    if weighing.under_zero:
        return context.skipped("scale.zero-lost", "scale.under-zero")
    evidence = seen("scale.is-off-zero")
    if weighing.stable is False:
        return context.unknown("scale.zero-lost", evidence)
    return context.fault("scale.zero-lost", evidence)


def _unit(weighing: Weighing, context: ProbeContext, seen: Seen) -> Iterator[Finding]:
    if not weighing.unit:
        return
    evidence = seen("scale.tells-unit", unit=weighing.unit)
    expected = context.settings.expect.get("unit")
    if expected and expected.lower() != weighing.unit.lower():
        yield context.warning("scale.unit-mismatch", evidence, unit=weighing.unit, expected=expected)
    else:
        yield context.ok("scale.unit", evidence, unit=weighing.unit)
