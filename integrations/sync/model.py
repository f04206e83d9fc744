"""The words of a comparison: gaps, what was left out, and how the clocks differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    """One difference. `call` is None for a phantom; `crm` is None for a call that is missing or ambiguous.

    For a duplicate `crm` is the surplus record.
    """

    code: str
    call: Call | None
    crm: CrmCall | None
    details: Mapping[str, Arg]

    def document(self) -> dict[str, Any]:
        """Return the gap as JSON has it (docs/contract.md, "Gaps"). `Any`: JSON."""
        # a recording that the telephony itself has not got any more is not there to be sent
        gone = self.details.get("side") == "telephony"
        return {
            "code": self.code,
            "call": self.call.document() if self.call else None,
            "crm": self.crm.document() if self.crm else None,
            "details": dict(self.details),
            "resendable": self.code in RESENDABLE and self.call is not None and not gone,
        }


class Settled(NamedTuple):
    """Where one call of the telephony ended, for those who show every call and not the gaps alone.

    A comparison calls `on_settled(Settled(...))` once a call, if it was given such a function. `crm` is the
    record that was matched; `gaps` are the codes of the call's gaps; `excluded` is the name of the rule that
    leaves the call out. `judged` is False for a call whose absence would prove nothing: too young, or its
    record may lie outside of what was read of the CRM.
    """

    call: Call
    crm: CrmCall | None
    gaps: tuple[str, ...] = ()
    excluded: str = ""
    judged: bool = True


class Window(NamedTuple):
    """The time that is compared: `since <= t < until`."""

    since: datetime
    until: datetime


class ClockStep(NamedTuple):
    """From `since` on (the telephony's time) the CRM's clock is ahead by `offset_s`."""

    since: datetime
    offset_s: int


class ClockReading(NamedTuple):
    """How the CRM's times differ from the telephony's.

    `support` calls agree on it, of `sample` that have a record that could be theirs. `steps` has one entry
    unless the difference changes.
    """

    kind: Literal["constant", "changed", "drift", "unknown"] = "unknown"
    steps: tuple[ClockStep, ...] = ()
    support: int = 0
    sample: int = 0


class SyncResult(NamedTuple):
    """What a comparison found.

    `calls` are those of the window, `records` what the CRM has in it (by the telephony's clock), `matched`
    the calls of the window that have a record.
    `clock_offset_s` is how far the CRM's clock is ahead of the telephony's; 0 when they agree.
    `excluded` counts the calls that a rule of the configuration leaves out, by the rule's name.
    `rejected` are lines of either side that could not be read.

    `excluded_records` counts records without a call that a rule leaves out. `unjudged` counts calls without a
    record that are too young, or whose record may lie outside of what was read; `unread` are the stretches
    of the CRM's time that would have to be read for those. `unmapped` counts answered calls by an employee
    whom the CRM does not know. `untold_recordings` counts calls with a recording of which the CRM does not
    tell whether it has it. `repeated` counts calls that the telephony listed twice, `unverified_recordings`
    those of `--verify-recordings` that could not be fetched: nothing is known of them.
    """

    window: Window
    calls: int
    records: int
    matched: int
    gaps: Sequence[Gap]
    excluded: Mapping[str, int]
    clock_offset_s: int
    rejected: tuple[Rejected, ...]
    clock: ClockReading = ClockReading()
    excluded_records: Mapping[str, int] = {}
    unjudged: int = 0
    unread: tuple[Window, ...] = ()
    unmapped: Mapping[str, int] = {}
    untold_recordings: int = 0
    repeated: int = 0
    unverified_recordings: int = 0

    def counts(self) -> dict[str, int]:
        """Return how many gaps of each code there are; codes without a gap are left out."""
        own = getattr(self.gaps, "counts", None)  # a long list knows it without a look at each gap
        if own is not None:
            return dict(own())
        counted: dict[str, int] = {}
        for gap in self.gaps:
            counted[gap.code] = counted.get(gap.code, 0) + 1
        return counted
