"""The asking side of a session: requests with deadlines, progress while they work, and a line that may break.

A request that was sent and not answered when the line broke is asked again under the same id once the line is
back: the other side answers from what it keeps, or goes on; nothing is done twice.
"""

from __future__ import annotations

import itertools
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.frames import FrameReader, Hello, ProtocolError, frame
from supportctl.remote.link import LinkClosedError
from supportctl.remote.methods import BEGIN, METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.core.clock import Clock
    from supportctl.remote.link import SessionLink

_GRACE_S = 2.0  # the other side keeps its deadlines; a little later we stop to wait
HELLO_S = 15.0
NO_ANSWER, CLOSED, UNCLEAR = "remote.no-answer", "remote.closed", "remote.unclear"


class _News(NamedTuple):
    """What came for a request: an answer, progress, or the end of a line."""

    kind: str
    value: Mapping[str, Any]
    line: SessionLink | None = None


class _Asked(NamedTuple):
    """One request that waits."""

    id: str
    method: str
    body: bytes
    news: queue.SimpleQueue[_News]
    deadline_s: float
    on_progress: Callable[[Mapping[str, Any]], None] | None
    back: Callable[[], bool] | None


class Client:
    """One session from the asking side, over one line after another. `name` makes its ids its own."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[str, queue.SimpleQueue[_News]] = {}
        self._link: SessionLink | None = None
        self._hello: queue.SimpleQueue[Hello | BaseException] = queue.SimpleQueue()
        self.hello: Hello | None = None
        self.begins: Mapping[str, str] | None = None  # what an agent that keeps a log is told first

    def attach(self, link: SessionLink, hello_s: float = HELLO_S) -> Hello:
        """Use this line from now on; return what the other side says first.

        Raises:
            SupportctlError: it says nothing, or something else.
        """
        self._hello = queue.SimpleQueue()
        thread = threading.Thread(target=self._read, args=(link, self._hello), name="session", daemon=True)
        thread.start()
        try:
            hello = self._hello.get(timeout=hello_s)
        except queue.Empty:
            link.close()
            raise SupportctlError("remote.no-banner", found="-", seconds=hello_s) from None
        if isinstance(hello, ProtocolError):
            raise SupportctlError(hello.code, **hello.found)
        if isinstance(hello, BaseException):
            raise SupportctlError(CLOSED, reason=hello)
        if self.begins is not None and not hello.digest:  # one that was brought along keeps no log
            self._begin(link, self.begins)
        with self._lock:
            self._link = link
        self.hello = hello
        return hello

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        deadline_s: float = 60.0,
        on_progress: Callable[[Mapping[str, Any]], None] | None = None,
        back: Callable[[], bool] | None = None,
    ) -> Mapping[str, Any]:
        """Return the result of a request.

        `back` is called when the line breaks: it brings another one (`attach`) and returns True, or False.

        Raises:
            SupportctlError: what the other side says is wrong; `remote.no-answer` after the deadline;
                `remote.closed`, or `remote.unclear` where nobody knows whether it was done.
        """
        request = f"{self._name}-{next(self._numbers)}"
        message = {"id": request, "method": method, "params": dict(params or {}), "deadline_s": deadline_s}
        news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        asked = _Asked(request, method, frame(message), news, deadline_s, on_progress, back)
        with self._lock:
            self._waiting[request] = news
        try:
            return self._ask(asked)
        finally:
            with self._lock:
                self._waiting.pop(request, None)

    @property
    def connected(self) -> bool:
        """Whether there is a line."""
        with self._lock:
            return self._link is not None

    def stop(self) -> None:
        """Cancel all requests that wait: each is answered all the same."""
        with self._lock:
            waiting = list(self._waiting)
        for request in waiting:
            self._sent(_cancel(request))

    def close(self) -> None:
        """End the line."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _ask(self, asked: _Asked) -> Mapping[str, Any]:
        end = self._clock.monotonic() + asked.deadline_s + _GRACE_S
        session = self._session()
        line = self._sent(asked.body)
        while True:
            if line is None:
                if asked.back is None or not asked.back():
                    code = CLOSED if METHODS[asked.method].repeatable else UNCLEAR
                    raise SupportctlError(code, method=asked.method)
                if not METHODS[asked.method].repeatable and session != self._session():
                    raise SupportctlError(UNCLEAR, method=asked.method)  # it would be done a second time
                line = self._sent(asked.body)
                continue
            try:
                heard = asked.news.get(timeout=max(end - self._clock.monotonic(), 0.01))
            except queue.Empty:
                self._sent(_cancel(asked.id))
                seconds = round(asked.deadline_s)
                raise SupportctlError(NO_ANSWER, method=asked.method, seconds=seconds) from None
            except KeyboardInterrupt:
                self._sent(_cancel(asked.id))
                raise
            if heard.kind == "closed":
                line = None if heard.line is line else line  # not that of a line that we have left already
            elif heard.kind == "progress":
                if asked.on_progress is not None:
                    asked.on_progress(heard.value)
            elif heard.kind == "error":
                raise _told(heard.value)
            else:
                return heard.value

    def _begin(self, link: SessionLink, params: Mapping[str, str]) -> None:
        """Say what the session is about, before anything else; nobody waits for the answer."""
        message = {"id": f"{self._name}-{next(self._numbers)}", "method": BEGIN, "params": dict(params)}
        with suppress(LinkClosedError):  # the thread that reads has noticed it
            link.send(frame(message))

    def _session(self) -> str:
        """Return the name of the other side's session: its answers are kept under it."""
        return self.hello.session if self.hello else ""

    def _sent(self, data: bytes) -> SessionLink | None:
        """Send, and return the line that took it; None if there is none."""
        with self._lock:
            link = self._link
        if link is None:
            return None
        try:
            link.send(data)
        except LinkClosedError:
            return None
        return link

    def _read(self, link: SessionLink, hello: queue.SimpleQueue[Hello | BaseException]) -> None:
        reader = FrameReader(expects_banner=True)
        greeted = False
        problem: BaseException = LinkClosedError("the other side ended")

        def take(data: bytes) -> None:
            nonlocal greeted
            for message in reader.feed(data):
                if not greeted and reader.hello:
                    greeted = True
                    hello.put(reader.hello)
                self._heard(message)
            if not greeted and reader.hello:
                greeted = True
                hello.put(reader.hello)

        try:
            link.carry(take)
        except (LinkClosedError, ProtocolError) as error:
            problem = error
        link.close()
        with self._lock:
            if self._link is link:
                self._link = None
            waiting = list(self._waiting.values()) if greeted else []
        if not greeted:
            hello.put(problem)
        for each in waiting:
            each.put(_News("closed", {}, link))

    def _heard(self, message: Mapping[str, Any]) -> None:
        with self._lock:
            news = self._waiting.get(str(message.get("id")))
        if news is None:
            return  # an answer that nobody waits for any more
        for kind in ("result", "progress", "error"):
            value = message.get(kind)
            if isinstance(value, dict):
                news.put(_News(kind, value))
                return


def _cancel(request: str) -> bytes:
    return frame({"id": request, "cancel": True})


def _told(error: Mapping[str, Any]) -> SupportctlError:
    """Return the other side's error as one of ours; its texts are made safe to show."""
    args = error.get("args")
    found = args if isinstance(args, dict) else {}
    told = {clean(name, 40): clean(value, 500) for name, value in found.items()}
    return SupportctlError(clean(error.get("code"), 80), **told)
