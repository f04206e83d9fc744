"""Errors that a register answers or remembers become findings.

A row of the vendor's table that has a code of ours is that finding; any other is told in the table's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.errors import look_up, shown
from supportctl.core.finding import Meaning, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from probes.context import ProbeContext
    from probes.devices.fiscal.errors import ErrorFacts
    from probes.devices.fiscal.state import RegisterState, VendorError
    from supportctl.core.finding import Finding

# docs/contract.md "Default statuses"; what is not here is a fault.
_STATUS = {
    "fiscal.ofd-queue": Status.WARNING,
    "fiscal.ofd-queue-old": Status.WARNING,
    "fiscal.ofd-unreachable": Status.WARNING,
    "fiscal.document-open": Status.WARNING,
    "fiscal.paper-near-end": Status.WARNING,
    "fiscal.fn-memory-low": Status.WARNING,
    "fiscal.fn-expiring": Status.WARNING,
    "fiscal.battery-low": Status.WARNING,
    "fiscal.shift-closed": Status.OK,
    "fiscal.device-busy": Status.UNKNOWN,
    "fiscal.wrong-password": Status.UNKNOWN,
}
# One cause under several codes: the error says what the state has already said better.
_SAID_BY = {
    "fiscal.ofd-queue": {"fiscal.ofd-queue-old", "fiscal.ofd-blocked"},
    "fiscal.ofd-queue-old": {"fiscal.ofd-blocked"},
    "fiscal.fn-expiring": {"fiscal.fn-expired"},
    "fiscal.fn-memory-low": {"fiscal.fn-memory-full"},
    "fiscal.paper-near-end": {"fiscal.paper-out"},
    "fiscal.shift-closed": {"fiscal.shift", "fiscal.shift-over-24h"},
}


def from_errors(state: RegisterState, context: ProbeContext, said: dict[str, Finding]) -> Iterator[Finding]:
    """Yield a finding for every error that `said` (the findings so far, by code) does not tell yet."""
    known = {name: value for finding in said.values() for name, value in finding.args.items()}
    told = set(said)
    seen: set[tuple[str, int]] = set()
    for error in state.errors:
        if (error.table, error.number) in seen:
            continue
        seen.add((error.table, error.number))
        row = look_up(error.table, error.number)
        if row is None or row.code is None:
            yield _in_its_own_words(error, row, state, context)
        elif not ({row.code} | _SAID_BY.get(row.code, set())) & told:
            told.add(row.code)
            yield _with_code(row, state, context, known)


def _with_code(
    row: ErrorFacts, state: RegisterState, context: ProbeContext, known: Mapping[str, object]
) -> Finding:
    say = {
        Status.OK: context.ok,
        Status.WARNING: context.warning,
        Status.UNKNOWN: context.unknown,
        Status.FAULT: context.fault,
    }[_STATUS.get(row.code or "", Status.FAULT)]
    args = {**known, "reason": row.meaning, "said": row.meaning}
    return say(row.code or "", *state.evidence.get("errors", ()), **args)


def _in_its_own_words(
    error: VendorError, row: ErrorFacts | None, state: RegisterState, context: ProbeContext
) -> Finding:
    number, proof = shown(error.table, error.number), state.evidence.get("errors", ())
    if row is None:
        return context.unknown(
            "fiscal.device-error",
            *proof,
            number=number,
            command=error.command,
            says=Meaning("fiscal.unlisted"),
            first_step=Meaning("fiscal.unlisted-do"),
            who="second-line",
        )
    say = context.warning if row.sales else context.fault
    told = say(
        "fiscal.device-error",
        *proof,
        number=number,
        command=error.command,
        says=row.meaning,
        first_step=row.first_step,
        who=row.who,
    )
    return told._replace(stops_sales=not row.sales)
