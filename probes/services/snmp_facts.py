"""What an SNMP agent says about a printer: Host Resources MIB (RFC 2790) and Printer MIB (RFC 3805)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import LinkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.protocols.snmp import Oid, Value
    from probes.services.snmp_agent import Agent, Found
    from supportctl.core.finding import Evidence

_MIB_2 = (1, 3, 6, 1, 2, 1)
_PRT = (*_MIB_2, 43)
SYS_DESCR = (*_MIB_2, 1, 1)
HR_DEVICE_STATUS = (*_MIB_2, 25, 3, 2, 1, 5)
HR_PRINTER_STATUS = (*_MIB_2, 25, 3, 5, 1, 1)
HR_PRINTER_DETECTED_ERROR_STATE = (*_MIB_2, 25, 3, 5, 1, 2)
# UNVERIFIED below this line: from RFC 3805, no device seen.
PRT_COVER_STATUS = (*_PRT, 6, 1, 1, 3)
PRT_INPUT_MAX_CAPACITY = (*_PRT, 8, 2, 1, 9)
PRT_INPUT_CURRENT_LEVEL = (*_PRT, 8, 2, 1, 10)
PRT_MARKER_LIFE_COUNT = (*_PRT, 10, 2, 1, 4)
PRT_ALERT_SEVERITY_LEVEL = (*_PRT, 18, 1, 1, 2)
PRT_ALERT_GROUP = (*_PRT, 18, 1, 1, 4)
PRT_ALERT_CODE = (*_PRT, 18, 1, 1, 7)
PRT_ALERT_DESCRIPTION = (*_PRT, 18, 1, 1, 8)

_FIRST = {
    "sysDescr": SYS_DESCR,
    "hrPrinterStatus": HR_PRINTER_STATUS,
    "hrPrinterDetectedErrorState": HR_PRINTER_DETECTED_ERROR_STATE,
    "prtMarkerLifeCount": PRT_MARKER_LIFE_COUNT,
}
DOWN, WARNING, RUNNING = 5, 3, 2  # hrDeviceStatus
CRITICAL = 3  # prtAlertSeverityLevel
LEVEL_AT_LEAST_ONE, LEVEL_UNKNOWN, LEVEL_NO_LIMIT = -3, -2, -1  # prtInputCurrentLevel
COVER_OPEN, INTERLOCK_OPEN = 3, 5  # prtCoverStatus


class Alert(NamedTuple):
    """A row of prtAlertTable."""

    severity: int | None
    group: int | None
    code: int | None
    description: str


class Input(NamedTuple):
    """A row of prtInputTable: a tray or roll, in the printer's own units; negative values as in the RFC."""

    level: int | None
    capacity: int | None

    @property
    def has_media(self) -> bool:
        """Whether the printer says that there is paper in it."""
        return self.level is not None and (self.level > 0 or self.level == LEVEL_AT_LEAST_ONE)


class PrinterFacts(NamedTuple):
    """Everything that was read. `answers`: the agent's answers by name, as evidence without a meaning."""

    description: str = ""
    device_status: int | None = None
    printer_status: int | None = None
    error_state: bytes | None = None
    life_count: int | None = None
    alerts: tuple[Alert, ...] = ()
    inputs: tuple[Input, ...] = ()
    covers: tuple[int, ...] = ()
    answers: Mapping[str, Evidence] = {}

    @property
    def is_printer(self) -> bool:
        """Whether the agent has any of a printer's objects."""
        return self.error_state is not None or self.printer_status is not None or self.life_count is not None


def read_facts(agent: Agent) -> PrinterFacts:
    """Return what `agent` says, in about ten datagrams.

    Raises:
        LinkError: it does not answer the first question, or stops to answer.
    """
    found = agent.first_of(_FIRST)
    state = found.get(HR_PRINTER_DETECTED_ERROR_STATE) or next(iter(found.values()), None)
    answers = {"state": state.evidence} if state else {}
    facts = PrinterFacts(
        description=_text(_value(found, SYS_DESCR)),
        printer_status=_number(_value(found, HR_PRINTER_STATUS)),
        error_state=_octets(_value(found, HR_PRINTER_DETECTED_ERROR_STATE)),
        life_count=_number(_value(found, PRT_MARKER_LIFE_COUNT)),
        answers=answers,
    )
    if not facts.is_printer:
        return facts
    index = _index(found)
    if index is not None:
        device = agent.get("hrDeviceStatus", [(*HR_DEVICE_STATUS, *index)])
        answers["device"] = device.evidence
        if not device.response.error_status and device.response.binds:
            facts = facts._replace(device_status=_number(device.response.binds[0].value))
    try:
        return _with_tables(agent, facts, answers)
    except LinkError:  # small print servers fall silent at a table that they do not have: the state is known
        return facts


def _with_tables(agent: Agent, facts: PrinterFacts, answers: dict[str, Evidence]) -> PrinterFacts:
    alert_columns = (PRT_ALERT_SEVERITY_LEVEL, PRT_ALERT_GROUP, PRT_ALERT_CODE, PRT_ALERT_DESCRIPTION)
    alerts, alert_answer = agent.rows("prtAlertTable", alert_columns)
    inputs, input_answer = agent.rows("prtInputTable", (PRT_INPUT_MAX_CAPACITY, PRT_INPUT_CURRENT_LEVEL))
    covers, cover_answer = agent.rows("prtCoverStatus", (PRT_COVER_STATUS,))
    for name, answer in (("alerts", alert_answer), ("inputs", input_answer), ("covers", cover_answer)):
        if answer is not None:
            answers[name] = answer.evidence
    return facts._replace(
        alerts=tuple(
            Alert(
                _number(row.get(PRT_ALERT_SEVERITY_LEVEL)),
                _number(row.get(PRT_ALERT_GROUP)),
                _number(row.get(PRT_ALERT_CODE)),
                _text(row.get(PRT_ALERT_DESCRIPTION)),
            )
            for row in alerts.values()
        ),
        inputs=tuple(
            Input(_number(row.get(PRT_INPUT_CURRENT_LEVEL)), _number(row.get(PRT_INPUT_MAX_CAPACITY)))
            for row in inputs.values()
        ),
        covers=tuple(_number(row.get(PRT_COVER_STATUS)) or 0 for row in covers.values()),
    )


def _index(found: Mapping[Oid, Found]) -> Oid | None:
    for column in (HR_PRINTER_DETECTED_ERROR_STATE, HR_PRINTER_STATUS):
        if column in found:
            return found[column].bind.oid[len(column) :]
    return None


def _value(found: Mapping[Oid, Found], column: Oid) -> Value:
    return found[column].bind.value if column in found else None


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _octets(value: Value) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _text(value: Value) -> str:
    return value.decode("utf-8", "replace").rstrip("\0 \r\n") if isinstance(value, bytes) else ""
