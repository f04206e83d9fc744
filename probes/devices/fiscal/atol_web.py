"""ATOL registers behind the driver's local web service: `atol+http://127.0.0.1:16732[?deviceID=ID]`.

What the driver cannot read for its register is told in the words of the driver's own error table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.atol_web_reading import NOT_OPEN, WebReading
from probes.devices.fiscal.atol_web_talk import CONFLICT, FORBIDDEN, NOT_FOUND, NoAnswer, WebTalk
from probes.devices.fiscal.judge import CODES, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols import atol_web
from supportctl.core.finding import clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.devices.fiscal.atol_web_talk import Told
    from supportctl.core.finding import Evidence, Finding

# One at a time, the most telling ones first.
TASKS = (
    "getDeviceStatus",
    "ofdExchangeStatus",
    "getFnInfo",
    "getFnStatus",
    "getShiftStatus",
    "getDeviceInfo",
)
REGISTRATION = "getRegistrationInfo"


class AtolWebProbe:
    """Asks the driver's web service; name and password are those of the URL, tried once."""

    codes = CODES | LINK_CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the register's state, or why it cannot be asked."""
        talk, reading = WebTalk(context), WebReading(context)
        broken: Finding | None = None
        try:
            _read(talk, reading)
        except NoAnswer as no:
            broken = no.finding
        except LinkError as error:
            broken = context.link_failed(error)
        if reading.has_news:
            for finding in judge(reading.state(), context):
                if reading.answered or finding.code != "fiscal.answers":  # only the service has answered
                    yield finding
        if broken is not None:
            yield broken


def _read(talk: WebTalk, reading: WebReading) -> None:
    """Put the questions. Raises: LinkError, NoAnswer."""
    server = talk.find_server()
    reading.served_by(server)
    if talk.prefix == atol_web.V2 and not _is_active(talk, reading):
        return
    queue = talk.queue()
    if not _refused(queue, reading):
        talk.blocked = reading.queue(queue)
    for task in (*TASKS, REGISTRATION):
        told = talk.read(task)
        if told is None:  # nothing of this server reads it, or its queue is locked
            continue
        if _refused(told, reading) or reading.take(task, told):
            return
    unread = reading.unread()
    if unread is not None:
        raise NoAnswer(unread)


def _is_active(talk: WebTalk, reading: WebReading) -> bool:
    told = talk.device()
    if told.status == NOT_FOUND and told.failure is None:  # an older service, which has no such call
        return True
    if told.status == NOT_FOUND:
        reading.error(NOT_OPEN, told, _said("atol.web-no-device", told))
        return False
    if _refused(told, reading):
        return False
    setting = atol_web.setting(told.document)
    if setting.active is False:
        said = clean_args({"said": setting.last_error})
        meaning = "atol.web-last-error" if setting.last_error else "atol.web-inactive"
        reading.error(NOT_OPEN, told, told.evidence._replace(meaning=meaning, args=said))
        return False
    return True


def _refused(told: Told, reading: WebReading) -> bool:
    """Note that the register is not activated: 403, or 409 for a question that is no request."""
    if told.status not in {FORBIDDEN, CONFLICT}:
        return False
    reading.error(NOT_OPEN, told, _said("atol.web-inactive", told))
    return True


def _said(meaning: str, told: Told) -> Evidence:
    return told.evidence._replace(meaning=meaning)
