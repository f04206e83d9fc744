"""Who a device is, as the probe of its own protocol reads it: maker, model, serial number, firmware.

For targets whose protocol is certain: because a person named it, or because the device was recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.discovery.identity import FIRMWARE, MAKER, MODEL, SERIAL_NUMBER, Try
from probes.registry import entries
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

# A finding of these kinds is said of an answer that the codec understood, whatever it complains about.
_DEVICE_KINDS = frozenset({"printer", "fiscal", "scale", "terminal"})
# ACK and NAK are said by registers of two makers, scales and terminals alike.
_ANYBODYS = {"06", "15"}
_DETAILS = (MAKER, MODEL, SERIAL_NUMBER, FIRMWARE)
_NOT_TOLD = {"", "?", "-"}


class OwnReading(NamedTuple):
    """`answered`: it speaks this protocol; else `problem` is the first thing that is wrong, if anything."""

    answered: bool
    details: dict[str, str]
    tried: tuple[Try, ...] = ()
    problem: Finding | None = None


def read_own(context: ProbeContext) -> OwnReading | None:
    """Return what the probe of the target's protocol reads; None if there is no such probe."""
    entry = next((row for row in entries() if row.asks(context.target) and not row.computer), None)
    if entry is None:
        return None
    answered, details, tried = False, dict[str, str](), list[Try]()
    problem: Finding | None = None
    for finding in entry.load().run(context):
        tried += _tries(finding)
        answered = answered or _understood(finding)
        if finding.status is not Status.OK:
            problem = problem or finding
        if finding.status is Status.OK and finding.code.endswith(".answers"):
            details = told(finding.args)
            break
    return OwnReading(answered, details, merged(tried), None if answered else problem)


def merged(*tries: Iterable[Try]) -> tuple[Try, ...]:
    """Return the questions of several readings, each question with the same answer once."""
    seen = {(item.asked, item.settings, item.got): item for part in reversed(tries) for item in part}
    return tuple(dict.fromkeys(seen[item.asked, item.settings, item.got] for part in tries for item in part))


def told(args: Mapping[str, object]) -> dict[str, str]:
    """Return maker, model, serial number and firmware out of the arguments of an `answers` finding."""
    said = {str(key): str(value) for key, value in args.items()}
    if not said.keys() & set(_DETAILS):  # else it has the same in one line
        said[MODEL] = said.get("device", "").removeprefix(": ")
    said.setdefault(FIRMWARE, said.get("version", ""))
    return {name: said[name] for name in _DETAILS if said.get(name, "") not in _NOT_TOLD}


def _understood(finding: Finding) -> bool:
    kind = finding.code.partition(".")[0]
    heard = {item.got for item in finding.evidence if item.got}
    if finding.status is Status.OK:
        return bool(heard)
    return kind in _DEVICE_KINDS and bool(heard - _ANYBODYS)


def tries_of(finding: Finding) -> tuple[Try, ...]:
    """Return the questions that are the evidence of a finding."""
    return tuple(_tries(finding))


def _tries(finding: Finding) -> Iterable[Try]:
    for seen in finding.evidence:
        outcome = "silent" if not seen.got else "noise" if finding.code.startswith("link.") else "answered"
        yield Try(seen.asked, "", outcome, seen.sent or "", seen.got or "", seen.ms)
