"""Questions to the web service of ATOL's driver: by the operations that read at once, else through its queue.

The operations come first because the queue belongs to the till: a question in it waits behind the till's
documents, and in a locked queue it would lie until somebody takes it out, which supportctl may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from probes.protocols import atol_web, http1
from probes.services import web_answers, web_client
from supportctl.core.finding import Meaning, clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.protocols.atol_web import Failure, ReadRequest
    from probes.protocols.json_object import JsonObject
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Evidence, Finding

UNAUTHORISED, FORBIDDEN, NOT_FOUND, CONFLICT, NOT_IMPLEMENTED = 401, 403, 404, 409, 501
_NO_SUCH_CALL = {NOT_FOUND, 405, NOT_IMPLEMENTED}
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_QUEUE_S = 30.0  # so long the vendor's examples wait for a request
_POLL_S = (0.05, 0.1, 0.25, 0.5, 1.0)


class NoAnswer(Exception):  # noqa: N818  not an error of ours: a way in which a conversation ends
    """No answer could be had; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class Told(NamedTuple):
    """An answer to a question: the HTTP status, the document, and the evidence, without a meaning yet."""

    status: int
    document: JsonObject
    evidence: Evidence

    @property
    def failure(self) -> Failure | None:
        """The error that it tells."""
        return atol_web.failure(self.document)


class WebTalk:
    """A conversation with the web service. `blocked`: the queue takes no questions now."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        target = context.target
        password, user = target.option("password"), target.user or target.option("user")
        self._headers = http1.basic_auth(user, password) if user or password else http1.NO_HEADERS
        self._device = target.option("deviceID") or target.option("device")
        self._host = web_client.host_of(target)
        self._by_operations = True
        self.prefix = atol_web.V2
        self.blocked = False

    def find_server(self) -> Told:
        """Return what the server says of itself; an old one is found by its queue.

        Raises:
            LinkError: the wire could not be opened, or closed without a word.
            NoAnswer: this is no web service of ATOL's driver.
        """
        reply = self._get(atol_web.server_info(), secret=False)
        told = self._told(reply)
        if told is not None and told.status == web_answers.OK and "serverVersion" in told.document:
            return told
        if reply.page is not None and reply.page.status in _NO_SUCH_CALL:
            old = self._told(self._get(atol_web.queue_status(atol_web.LEGACY, "")))
            if old is not None and old.status == web_answers.OK:
                self.prefix, self._by_operations = atol_web.LEGACY, False
                return old._replace(evidence=old.evidence._replace(meaning="atol.web-legacy"))
            if old is not None and old.status == UNAUTHORISED:
                raise NoAnswer(self._unauthorised(old.evidence))
        raise NoAnswer(self._something_else(reply))

    def device(self) -> Told:
        """Return how the register is set up. Raises: LinkError, NoAnswer."""
        return self._ask(atol_web.device(self._device))

    def queue(self) -> Told:
        """Return how the queue of requests is. Raises: LinkError, NoAnswer."""
        return self._ask(atol_web.queue_status(self.prefix, self._device))

    def read(self, task: str) -> Told | None:
        """Return the values of a task that only reads; None if this server cannot read it now.

        Raises:
            LinkError: the wire broke.
            NoAnswer: the server gives none, or not in time.
        """
        if self._by_operations:
            if task not in atol_web.OPERATIONS:
                return None
            told = self._ask(atol_web.operation(task, self._device))
            if told.status not in _NO_SUCH_CALL:
                return told
            self._by_operations = False
        return None if self.blocked else self._read_by_queue(task)

    def _read_by_queue(self, task: str) -> Told:
        uuid = str(uuid4())
        question = atol_web.queued(self.prefix, uuid, task, self._device)
        put = self._ask(question)
        if put.failure is not None or put.status >= _CLIENT_ERROR:
            return put
        end = self._context.deadline.within(_QUEUE_S)
        polls = 0
        while True:
            came = self._ask(atol_web.result(self.prefix, uuid, self._device))
            if came.status != web_answers.OK:
                return came
            try:
                done = atol_web.first_result(came.document)
            except atol_web.RemoteProtocolError:
                raise NoAnswer(self._unreadable(came)) from None
            if done.status not in atol_web.WAITING:
                break
            if end.remaining() < 2 * _POLL_S[-1]:
                raise NoAnswer(self._waits(came, done.status))
            self._context.clock.sleep(min(_POLL_S[min(polls, len(_POLL_S) - 1)], end.remaining()))
            polls += 1
        seen = came.evidence._replace(asked=f"{question.name} {task}")
        if done.failure is not None:
            wrong = {"error": {"code": done.failure.code, "description": done.failure.description}}
            return came._replace(document=wrong, evidence=seen)
        return came._replace(document=done.values, evidence=seen)

    def _ask(self, request: ReadRequest) -> Told:
        """Return the answer's document; a refused password ends the conversation."""
        reply = self._get(request)
        told = self._told(reply)
        if reply.page is not None and reply.page.status == UNAUTHORISED:
            raise NoAnswer(self._unauthorised(reply.evidence))
        if told is not None:
            return told
        if reply.page is not None and reply.page.status in _NO_SUCH_CALL | {FORBIDDEN, CONFLICT}:
            return Told(reply.page.status, {}, reply.evidence)
        raise NoAnswer(self._something_else(reply))

    def _get(self, request: ReadRequest, *, secret: bool = True) -> WebReply:
        headers = self._headers if secret else http1.NO_HEADERS
        sent = None if request.document is None else request.document.decode()
        question = atol_web.encode(request, self._host, headers)
        return web_client.ask(self._context, question, request.name, sent=sent)

    def _told(self, reply: WebReply) -> Told | None:
        if reply.page is None:
            return None
        try:
            document = atol_web.parse(reply.page.body)
        except atol_web.RemoteProtocolError:
            return None
        return Told(reply.page.status, document, reply.evidence)

    def _unauthorised(self, seen: Evidence) -> Finding:
        told = seen._replace(meaning="atol.web-unauthorised")
        return self._context.unknown("fiscal.wrong-password", told, reason=Meaning("atol.web-unauthorised"))

    def _waits(self, told: Told, state: str) -> Finding:
        args = {"state": clean(state, 40)}
        seen = told.evidence._replace(meaning="atol.web-waits", args=args)
        return self._context.unknown("fiscal.device-busy", seen, reason=Meaning("atol.web-waits"), **args)

    def _unreadable(self, told: Told) -> Finding:
        return self._context.fault("link.garbled", told.evidence._replace(meaning="atol.web-unreadable"))

    def _something_else(self, reply: WebReply) -> Finding:
        page = reply.page
        if reply.silent:
            seconds = round(reply.evidence.ms / 1000, 1)
            seen = reply.evidence._replace(meaning="link.no-answer", args={"seconds": seconds})
            return self._context.fault("link.silent", seen, seconds=seconds)
        if page is None:
            return web_answers.not_whole(self._context, reply)
        if page.status >= _SERVER_ERROR:
            args = clean_args({"said": web_answers.status_line(reply)})
            seen = reply.evidence._replace(meaning="atol.web-failed", args=args)
            return self._context.unknown(
                "fiscal.device-busy", seen, reason=Meaning("atol.web-failed"), **args
            )
        return web_answers.something_else(self._context, reply, Meaning("atol.web-name"))
