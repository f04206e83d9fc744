"""The words of a comparison: gaps, what was left out, and how the clocks differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from integrations.crm.reader import CrmCall
    from supportctl.core.call import Call, Rejected
    from supportctl.core.finding import Arg

GAP_CODES = (
    "sync.call-missing",
    "sync.recording-missing",
    "sync.recording-broken",
    "sync.duplicate-call",
    "sync.wrong-employee",
    "sync.no-contact",
    "sync.delivered-late",
    "sync.phantom-call",
    "sync.ambiguous",
)
RESENDABLE = frozenset({"sync.call-missing", "sync.recording-missing", "sync.recording-broken"})


class Gap(NamedTuple):
    """One difference. `call` is None for a phantom; `crm` is None for a call that is missing."""

    code: str
    call: Call | None
    crm: CrmCall | None
    details: Mapping[str, Arg]

    def document(self) -> dict[str, Any]:
        """Return the gap as JSON has it (docs/contract.md, "Gaps"). `Any`: JSON."""
        return {
            "code": self.code,
            "call": self.call.document() if self.call else None,
            "crm": self.crm.document() if self.crm else None,
            "details": dict(self.details),
            "resendable": self.code in RESENDABLE and self.call is not None,
        }


class Settled(NamedTuple):
    """Where one call of the telephony ended, for those who show every call and not the gaps alone.

    A comparison calls `on_settled(Settled(...))` once a call, if it was given such a function. `crm` is the
    record that was matched; `gaps` are the codes of the call's gaps; `excluded` is the name of the rule that
    leaves the call out.
    """

    call: Call
    crm: CrmCall | None
    gaps: tuple[str, ...] = ()
    excluded: str = ""


class Window(NamedTuple):
    """The time that is compared: `since <= t < until`."""

    since: datetime
    until: datetime


class SyncResult(NamedTuple):
    """What a comparison found.

    `clock_offset_s` is how far the CRM's clock is ahead of the telephony's; 0 when they agree.
    `excluded` counts the calls that a rule of the configuration leaves out, by the rule's name.
    `rejected` are lines of either side that could not be read.
    """

    window: Window
    calls: int
    records: int
    matched: int
    gaps: tuple[Gap, ...]
    excluded: Mapping[str, int]
    clock_offset_s: int
    rejected: tuple[Rejected, ...]

    def counts(self) -> dict[str, int]:
        """Return how many gaps of each code there are; codes without a gap are left out."""
        counted: dict[str, int] = {}
        for gap in self.gaps:
            counted[gap.code] = counted.get(gap.code, 0) + 1
        return counted
