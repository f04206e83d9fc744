"""Questions to an ATOL register in protocol 3: a task for each, asked for until its result is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.atol_talk import Heard, NoAnswer, Reply, hear_out
from probes.links.exchange import Conversation
from probes.protocols import atol3
from probes.protocols.atol2 import T5_ANSWER
from probes.protocols.atol3 import State
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from probes.context import ProbeContext
    from probes.devices.fiscal.atol_talk import Event
    from probes.links.base import Link
    from probes.links.exchange import Answer
    from probes.protocols.atol_answers import ReadRequest
    from supportctl.core.finding import Finding

    _MakeFrame: TypeAlias = Callable[[int, int], bytes]  # number of the frame, number of the task

_TRIES = 5  # of one exchange
_FULL_TRIES = 5
_TAKEN_TRIES = 8  # numbers of tasks that may belong to another program
_POLL_S = (0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)
_DONE = {State.RESULT, State.ERROR, State.ASYNC_RESULT, State.ASYNC_ERROR}
_GOES_ON = {State.PENDING, State.IN_PROGRESS, State.WAITING}
_PUSHED = {State.ASYNC_RESULT, State.ASYNC_ERROR}


class Atol3Talk:
    """A conversation in protocol 3."""

    def __init__(self, context: ProbeContext, link: Link, password: str) -> None:
        self._context = context
        self._talk = Conversation(context, link)
        self._password = password
        self._reader = atol3.Reader()
        self._frame_id = self._task_id = 0
        self.understood = False

    def ask(self, request: ReadRequest) -> Reply:
        """Return the answer to `request`. Raises: LinkError, NoAnswer."""
        started = self._context.clock.monotonic()
        end = self._context.deadline.within(T5_ANSWER)
        answer, frame = self._add(request)
        sent, polls = answer.sent, 0
        while _state(frame) in _GOES_ON:
            if end.expired:
                raise NoAnswer(self._busy(answer._replace(sent=sent), "atol.late"))
            pushed = self._listen(_POLL_S[min(polls, len(_POLL_S) - 1)])
            polls += 1
            if pushed is not None:
                frame = pushed
                break
            answer, frame, _late = self._exchange(f"C3 ({request.name})", atol3.request_result)
            if _state(frame) == State.NOT_FOUND:  # it has forgotten the task: restarted
                answer, frame = self._add(request)
                sent = answer.sent
        if _state(frame) not in _DONE:
            raise NoAnswer(self._refused(answer, _state(frame)))
        self._exchange(f"C2 ({request.name})", atol3.acknowledge)
        head = 2 if _state(frame) in _PUSHED else 1
        return Reply(request, frame.data[head:], started, sent, frame.raw)

    def _add(self, request: ReadRequest) -> tuple[Answer, atol3.Frame]:
        """Put the task into the queue; returns the register's answer."""

        def add(frame_id: int, task_id: int) -> bytes:
            return atol3.add(frame_id, task_id, request, password=self._password)

        full = taken = 0
        while True:
            self._task_id = self._task_id % atol3.LAST_ID + 1
            answer, frame, late = self._exchange(request.name, add)
            state = _state(frame)
            if state == State.ALREADY_EXISTS and late:  # our own: its first answer was lost
                return answer, frame._replace(data=bytes((State.PENDING,)))
            if state == State.ALREADY_EXISTS and taken < _TAKEN_TRIES:
                taken += 1
            elif state == State.OVERFLOW and full < _FULL_TRIES:
                full += 1
                self._context.clock.sleep(min(atol3.EXCHANGE_S, self._context.deadline.remaining()))
            else:
                return answer, frame

    def _exchange(self, asked: str, make: _MakeFrame) -> tuple[Answer, atol3.Frame, bool]:
        """Return the answer to one frame, and whether the frame had to be repeated."""
        damaged, attempt = False, 0
        while True:
            self._frame_id = (self._frame_id + 1) % (atol3.LAST_ID + 1)
            heard = Heard(self._reader, self._is_ours)
            question = make(self._frame_id, self._task_id)
            answer = hear_out(self._talk, asked, question, heard, wait=atol3.EXCHANGE_S)
            attempt += 1
            if isinstance(heard.found, atol3.Frame):
                self.understood = True
                return answer, heard.found, attempt > 1
            damaged = damaged or heard.damaged
            if answer.outcome == "noise":
                raise NoAnswer(self._talk.unanswered(answer))
            if attempt == _TRIES:
                if damaged:
                    seen = self._talk.evidence(answer, "atol.damaged")
                    raise NoAnswer(self._context.fault("link.garbled", seen))
                raise NoAnswer(self._talk.unanswered(answer))

    def _listen(self, wait: float) -> atol3.Frame | None:
        """Return what the register pushes about our task meanwhile."""
        heard = Heard(self._reader, self._is_pushed)
        hear_out(self._talk, "", b"", heard, wait=wait)
        return heard.found if isinstance(heard.found, atol3.Frame) else None

    def _is_ours(self, event: Event) -> bool:
        own = isinstance(event, atol3.Frame) and event.id == self._frame_id
        return own or self._is_pushed(event)

    def _is_pushed(self, event: Event) -> bool:
        return (
            isinstance(event, atol3.Frame)
            and event.id == atol3.ASYNC_ID
            and len(event.data) > 1
            and event.data[0] in _PUSHED
            and event.data[1] == self._task_id
        )

    def _refused(self, answer: Answer, state: int) -> Finding:
        if state == State.OVERFLOW:
            return self._busy(answer, "atol.queue-full")
        if state == State.STOPPED:
            return self._busy(answer, "atol.queue-stopped")
        if state == State.ALREADY_EXISTS:
            return self._busy(answer, "atol.queue-taken")
        return self._context.fault("link.garbled", self._talk.evidence(answer, "atol.task-refused"))

    def _busy(self, answer: Answer, meaning: str) -> Finding:
        seen = self._talk.evidence(answer, meaning)
        return self._context.unknown("fiscal.device-busy", seen, reason=Meaning(meaning))


def _state(frame: atol3.Frame) -> int:
    """Return the state of the task; an empty answer says no more than that the frame has come."""
    return frame.data[0] if frame.data else State.PENDING
