"""The supporter's copy of a run that goes on beside the device: what is heard of it, and who is asked here.

Both sides have the same playbook: what the other side's events mean, the same planner works out here. What
comes over the line was written by another computer: it is cleaned, and makes sense or ends the copy.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.engine.executor import PAUSED, Result, Since
from playbooks.engine.journal import Journal
from playbooks.engine.planner import move
from playbooks.engine.records import Ended, Header, Intent, RecordError, record_of
from playbooks.engine.state import DoAction, LookAtLane, RunCheck, RunSync, State, UndoAction
from supportctl import __version__
from supportctl.app.playbook import Played
from supportctl.app.playbook_answer import answer_of
from supportctl.app.playbook_runs import journal_path, keep, new_run_id
from supportctl.app.remote_playbook import ANSWER, NEWS
from supportctl.app.who import who_acts
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from playbooks.engine.graph import Graph
    from playbooks.engine.library import Library
    from playbooks.engine.ports import Person
    from playbooks.engine.state import Finish
    from supportctl.app.playbook import RunRequest
    from supportctl.core.clock import Clock
    from supportctl.remote.audited import AuditedClient
    from supportctl.remote.client import Client

_ANSWER_S = 30.0
_MAX_TEXT = 20_000  # characters of one text in an event
_MAX_DEPTH = 20
_DIVERGED = "signing.diverged"
_NONSENSE = (RecordError, LookupError, TypeError, ValueError, AttributeError, AssertionError,
             RecursionError, OverflowError)  # fmt: skip


class Line(NamedTuple):
    """The session: who asks, and what brings a broken line back."""

    client: Client | AuditedClient
    back: Callable[[], bool] | None = None


class RunCopy:
    """The run as this side has it."""

    def __init__(
        self,
        line: Line,
        library: Library,
        request: RunRequest,
        person_of: Callable[[Graph, Header, Since], Person],
        *,
        name: str,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._line = line
        self._library = library
        self._name = name
        self._request = request
        self._folder = folder
        self._person_of = person_of
        self._clock = clock
        self._graph = library.graph(name)
        self._state = State()
        self._number = 0  # of the last message that was heard
        self._far = ""
        self._busy = False
        self._at = 0.0
        self._ended: Ended | None = None
        self._closed = False
        self._run = ""
        self._journal: Journal | None = None
        self._person: Person | None = None

    def back(self) -> bool:
        """Bring the line back, and what was missed meanwhile."""
        if self._line.back is None or not self._line.back():
            return False
        if self._far and not self._busy:
            self.catch_up(self._far)
        return True

    def heard(self, message: Mapping[str, Any]) -> None:
        """Take a message; those that were missed before it are asked for.

        Raises:
            SupportctlError: it makes no sense.
        """
        run, number = str(message.get("run")), message.get("number")
        if not isinstance(number, int) or (self._far and run != self._far):
            raise SupportctlError(_DIVERGED, found=number)
        self._far = self._far or clean(run, 64)
        if number <= self._number:
            return
        if number > self._number + 1:
            self.catch_up(self._far)
            return
        self._take(message)

    def catch_up(self, run: str) -> None:
        """Take all messages that were missed."""
        while True:
            params = {"run": run, "after": self._number}
            answer = self._line.client.call(NEWS, params, deadline_s=_ANSWER_S, back=self._line.back)
            news = answer.get("news")
            if not isinstance(news, list) or not news:
                return
            before = self._number
            for message in news:
                if isinstance(message, dict) and message.get("number") == self._number + 1:
                    self._take(message)
            if self._number == before:
                return

    def played(self) -> Played:
        """Return how far it came.

        Raises:
            SupportctlError: it never began.
        """
        if self._journal is None:
            raise SupportctlError(_DIVERGED, found="-")
        paused = self._state.finish is None or self._ended is None or self._ended.outcome == PAUSED
        return Played(self._run, self._journal.path, self._graph, Result(self._state, paused))

    def close(self) -> None:
        """End the copy: a run whose end is not known here is put aside."""
        if self._journal is None or self._closed:
            return
        self._closed = True
        if self._ended is None:
            self._journal.end(Ended(self._at, PAUSED, step=self._state.at))
        self._journal.close()

    # --- messages -----------------------------------------------------------------------------------------

    def _take(self, message: Mapping[str, Any]) -> None:
        self._number += 1
        try:
            told = _safe(message)
            if "header" in told:
                self._begin(told["header"])
            elif self._journal is None or self._person is None:
                raise SupportctlError(_DIVERGED, found="header")
            elif "line" in told:
                self._record(_record(message["line"]), self._journal, self._person)
            elif "failed" in told:
                self._person.failed(str(told["failed"]), {k: str(v) for k, v in told["words"].items()})
            elif "asks" in told:
                self._asked(told, self._person)
        except _NONSENSE as error:
            raise SupportctlError(_DIVERGED, found=f"{type(error).__name__}: {error}") from None

    def _begin(self, told: Mapping[str, Any]) -> None:
        """Begin the copy; its id is ours, a name from the wire becomes no file."""
        playbook, digest = self._graph.playbook, self._library.digest(self._name)
        if self._journal is not None or told["digest"] != digest:
            raise SupportctlError(_DIVERGED, found=told["digest"])
        now = self._clock.now()
        header = Header(
            run=new_run_id(self._folder, now),
            playbook=self._name,
            version=playbook.version,
            digest=digest,
            tool_version=__version__,
            language=self._request.lang,
            started_at=now,
            ticket=self._request.ticket,
            site=str(told["site"]),
            operator=who_acts(),
            roles={str(name): tuple(map(str, urls)) for name, urls in told["roles"].items()},
            params={str(name): str(value) for name, value in told["params"].items()},
            source=str(self._library.path(self._name).resolve()),
        )
        self._run = header.run
        self._journal = Journal.begin(journal_path(self._folder, header.run), header)
        keep(self._folder, digest, self._library.texts(self._name))
        self._person = self._person_of(self._graph, header, Since(self._clock, now))

    def _record(self, record: Any, journal: Journal, person: Person) -> None:  # noqa: ANN401  any record
        if isinstance(record, Header) or record.at < self._at:
            raise SupportctlError(_DIVERGED, found=type(record).__name__)
        self._at = record.at
        if isinstance(record, Intent):
            journal.intend(record)
            return
        if isinstance(record, Ended):
            finish: Finish | None = self._state.finish
            if finish is None and record.outcome != PAUSED:
                raise SupportctlError(_DIVERGED, found=record.outcome)
            self._ended = record
            journal.end(record)
            if finish is not None and record.outcome != PAUSED:
                person.finished(finish, self._state, self._graph)
            return
        made = move(self._graph, self._state, journal.hear(record))
        self._state = made.state
        for notice in made.notices:
            person.notice(notice, made.state)
        if isinstance(made.command, RunCheck | RunSync | LookAtLane | DoAction | UndoAction):
            person.looking(made.command, made.state)

    def _asked(self, told: Mapping[str, Any], person: Person) -> None:
        """Put a question to the person here, and send the answer."""
        number, command = self._number, self._state.doing
        if command is None or getattr(command, "step", None) != told["asks"]:
            raise SupportctlError(_DIVERGED, found=told["asks"])
        self._busy = True
        try:
            said = answer_of(person, command, self._state, told)
            if said is not None:
                self._send(number, *said)
        finally:
            self._busy = False

    def _send(self, number: int, kind: str, value: str) -> None:
        params = {"run": self._far, "number": number, "kind": kind, "value": value}
        try:
            self._line.client.call(ANSWER, params, deadline_s=_ANSWER_S, back=self._line.back)
        except SupportctlError as error:
            if error.key != "signing.not-asked":  # its time was over there, a moment before it was over here
                raise


def _record(line: Any) -> Any:  # noqa: ANN401  JSON; any record
    """Return the record of a line, with texts that are safe to show: another computer has written them."""
    return record_of(json.dumps(_safe(json.loads(str(line)))))


def _safe(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  JSON
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, str):
        return clean(value, _MAX_TEXT)
    if isinstance(value, list):
        return [_safe(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {clean(name, 200): _safe(each, depth + 1) for name, each in value.items()}
    return value
