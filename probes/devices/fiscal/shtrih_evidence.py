"""What each answer of a Shtrih-M register proves, as evidence: its subjects (see judge.py) and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from probes.protocols import shtrih_answers as answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Told: TypeAlias = "list[tuple[tuple[str, ...], str, Mapping[str, object]]]"

_STATE = ("shift", "lock", "document")
_LOOKS = ("mechanics", "drawer")


def firmware(full: answers.FullStatus) -> str:
    """Return version, build and date of the firmware."""
    made = f" {full.firmware_date:%d.%m.%Y}" if full.firmware_date else ""
    return f"{full.version} {full.build}{made}"


def told_by(record: tuple[object, ...]) -> Told:
    """Return which subjects an answer proves something of, in which words."""
    return _TELL[type(record)](record)


def _tell_type(kind: answers.DeviceType) -> Told:
    args = {"name": kind.name, "model": kind.model, "version": f"{kind.protocol}.{kind.subprotocol}"}
    return [(("identity",), "shtrih.type", args)]


def _tell_short(status: answers.ShortStatus) -> Told:
    volts = {"battery": f"{status.battery_v:.2f}", "supply": f"{status.supply_v:.1f}"}
    last = "-" if status.last_print is None else status.last_print
    return [
        (_STATE, "shtrih.mode", {"mode": status.mode, "status": status.mode_status}),
        (_LOOKS, "shtrih.looks", {"submode": status.submode, "flags": _hex(status.flags), "last": last}),
        (("power",), "shtrih.power", volts),
    ]


def _tell_full(status: answers.FullStatus) -> Told:
    serial = "-" if status.serial is None else status.serial
    clock = status.clock.isoformat(" ") if status.clock else "-"
    fp_flags = f"{int(status.fp_flags):02x}"
    return [
        (("identity",), "shtrih.firmware", {"firmware": firmware(status), "serial": serial}),
        (_STATE, "shtrih.mode", {"mode": status.mode, "status": status.mode_status}),
        (("shift", "power"), "shtrih.fp-flags", {"flags": fp_flags}),
        (("clock",), "shtrih.clock", {"clock": clock}),
    ]


def _tell_fn_status(status: answers.FnStatus) -> Told:
    warnings = f"{int(status.warnings):02x}"
    phase = {"phase": status.phase, "warnings": warnings, "number": status.number}
    return [
        (("storage", "storage-life"), "shtrih.storage", phase),
        (("document",), "shtrih.document", {"document": status.document}),
    ]


def _tell_expiry(expiry: answers.FnExpiry) -> Told:
    date = expiry.expires.isoformat() if expiry.expires else "-"
    return [(("storage-life",), "shtrih.expiry", {"date": date})]


def _tell_exchange(exchange: answers.Exchange) -> Told:
    first = exchange.first_at.isoformat(" ", "minutes") if exchange.first_at else "-"
    args = {"bits": f"{int(exchange.bits):02x}", "unsent": exchange.unsent, "first": first}
    return [(("queue",), "shtrih.exchange", args)]


def _hex(flags: int) -> str:
    return f"{int(flags):04x}"


_TELL: dict[type, Callable[[Any], Told]] = {  # each takes the record of its own key
    answers.DeviceType: _tell_type,
    answers.ShortStatus: _tell_short,
    answers.FullStatus: _tell_full,
    answers.FnStatus: _tell_fn_status,
    answers.FnNumber: lambda told: [(("storage",), "shtrih.fn-number", {"number": told.number})],
    answers.FnExpiry: _tell_expiry,
    answers.FnVersion: lambda told: [(("storage",), "shtrih.fn-version", {"version": told.version})],
    answers.Registration: lambda told: [(("registration",), "shtrih.registration", {"number": told.number})],
    answers.Exchange: _tell_exchange,
    answers.Unconfirmed: lambda told: [(("queue",), "shtrih.unconfirmed", {"count": told.documents})],
    answers.ShiftState: lambda told: [(("shift",), "shtrih.shift", {"number": told.number})],
}
