"""Asks a network printer for its state by SNMP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES, LinkError
from probes.services import conditions, snmp_facts
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.services.conditions import Condition
    from probes.services.snmp_facts import PrinterFacts
    from supportctl.core.finding import Finding


class SnmpPrinterProbe:
    """`snmp://HOST[:161][?community=public&version=1|2c]`."""

    codes = conditions.PRINTER_CODES | conditions.QUESTION_CODES | LINK_CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the printer's own complaints, and the questions that it answered well."""
        from probes.services.snmp_agent import Agent

        try:
            with Agent(context) as agent:
                facts = snmp_facts.read_facts(agent)
        except LinkError as error:
            yield context.link_failed(error)
            return
        if not facts.is_printer:
            found = clean(facts.description)
            seen = [
                e._replace(meaning="snmp.no-printer", args={"said": found}) for e in facts.answers.values()
            ]
            yield context.fault("link.wrong-device", *seen, expected="SNMP printer", found=found)
            return
        yield from conditions.told(context, complaints(facts), dict(facts.answers), "snmp.printer-says")


def complaints(facts: PrinterFacts) -> Iterator[Condition]:
    """Yield everything that the printer complains of, each with the answer it came from."""
    yield from _error_state(facts)
    yield from _alerts(facts)
    yield from _covers(facts)
    if facts.device_status == snmp_facts.DOWN:
        # Said beside every real fault; alone it still means that nothing can be printed.
        yield conditions.Condition(
            "printer.offline", Status.FAULT, "hrDeviceStatus down", "device", consequence=True
        )


def _error_state(facts: PrinterFacts) -> Iterator[Condition]:
    octets = facts.error_state or b""
    for row in conditions.table()["error_state"]:
        octet, bit = divmod(row["bit"], 8)
        if octet < len(octets) and octets[octet] & (0x80 >> bit):
            yield conditions.from_row(row, row["name"], "state", mild=_another_tray(row, facts))


def _another_tray(row: dict[str, object], facts: PrinterFacts) -> bool:
    """Return whether a printer without paper here goes on printing from another tray."""
    levels = [tray.level for tray in facts.inputs]
    other = 0 in levels and any(tray.has_media for tray in facts.inputs)
    return row["code"] == "printer.paper-out" and other and _prints(facts)


def _prints(facts: PrinterFacts) -> bool:
    return facts.device_status in {snmp_facts.WARNING, snmp_facts.RUNNING}


def _alerts(facts: PrinterFacts) -> Iterator[Condition]:
    for alert in facts.alerts:
        row = next(
            (
                row
                for row in conditions.table()["alert"]
                if row["number"] == alert.code and row.get("group", alert.group) == alert.group
            ),
            None,
        )
        critical = alert.severity == snmp_facts.CRITICAL
        if row is not None:
            said = alert.description or row["name"]
            yield conditions.from_row(row, said, "alerts", mild=not critical)
        elif critical and not _prints(facts):
            said = alert.description or f"prtAlertCode {alert.code}"
            yield conditions.Condition("printer.attention", Status.WARNING, said, "alerts")


def _covers(facts: PrinterFacts) -> Iterator[Condition]:
    is_open = any(cover in {snmp_facts.COVER_OPEN, snmp_facts.INTERLOCK_OPEN} for cover in facts.covers)
    if is_open and not _prints(facts):
        yield conditions.Condition("printer.cover-open", Status.FAULT, "prtCoverStatus open", "covers")
