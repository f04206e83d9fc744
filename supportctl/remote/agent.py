"""The agent: serves one session on its standard input and output, and leaves when that ends.

It lives as long as its line. The thread that reads does nothing else, so the end of the line is noticed
whatever a request does at that moment; a process that cannot be ended by its line would hold the port.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, NoReturn

from supportctl import __version__
from supportctl.core.clock import SystemClock
from supportctl.remote.capability import Capability
from supportctl.remote.frames import PROTOCOL, Hello, ProtocolError
from supportctl.remote.link import FileLink
from supportctl.remote.server import Server, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from supportctl.core.clock import Clock
    from supportctl.remote.capability import Wanted
    from supportctl.remote.server import Call, Gate

LIFETIME_S = 4 * 3600.0  # no session is longer, whoever forgets it
GRACE_S = 0.5  # after the end of the line: for a request to leave its device as it should
_PUSHED = (Capability.OBSERVE, Capability.PROBE)
_EXIT_LIFETIME, _EXIT_PROTOCOL, _EXIT_TERM = 75, 76, 143
_leaving = threading.Event()


class FixedGate:
    """Allows what it was set up with, and nothing by consent: nobody sits at this machine."""

    def __init__(
        self,
        capabilities: Collection[Capability],
        told: Callable[[str, Mapping[str, Any], str], None] = lambda _method, _params, _outcome: None,
    ) -> None:
        self._capabilities = frozenset(capabilities) - {Capability.FIX, Capability.BRIDGE}
        self._told = told

    def allows(self, wanted: Wanted, call: Call) -> bool:  # noqa: ARG002
        """Return whether this capability was given."""
        return wanted.capability in self._capabilities

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Hand on what is asked and done."""
        self._told(method, params, outcome)


class Stdio(NamedTuple):
    """The line, where no `print` and no child process reaches it."""

    source: BinaryIO
    sink: BinaryIO


def sealed() -> Stdio:
    """Return this process's standard input and output, and put others in their place.

    What anything prints goes to standard error; who reads standard input finds its end.
    """
    _binary()
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)  # not inherited by children
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Stdio(os.fdopen(source, "rb"), os.fdopen(sink, "wb"))


def _binary() -> None:
    """Let bytes pass as they are: on Windows every 0x0A that is sent would grow a 0x0D."""
    if sys.platform == "win32":
        import msvcrt

        for number in (0, 1):
            msvcrt.setmode(number, os.O_BINARY)


def serve_stdio(
    handlers: Mapping[str, Callable[[Mapping[str, Any], Call], Mapping[str, Any]]],
    gate: Gate,
    hello: Hello,
    *,
    lifetime_s: float = LIFETIME_S,
    clock: Clock | None = None,
    folder: str = "",
    at_end: Callable[[], object] | None = None,
) -> NoReturn:
    """Serve one session, then end this process and its children. `folder` is removed then.

    `at_end` is called last, whatever the end.

    The end of the line, the end of the lifetime, and a peer that breaks the protocol end it alike.
    """
    line = sealed()
    _lead_group()
    signal.signal(
        signal.SIGTERM, lambda _number, _frame: _leaving.is_set() or _leave(_EXIT_TERM, folder, at_end)
    )
    _later(lifetime_s, lambda: _leave(_EXIT_LIFETIME, folder, at_end))
    session = Session()
    server = Server(FileLink(line.source, line.sink), handlers, gate, clock or SystemClock(), session)
    code = 0
    try:
        server.serve(hello)
    except ProtocolError as error:
        sys.stderr.write(f"supportctl: {error.code} {dict(error.found)}\n")
        code = _EXIT_PROTOCOL
    except KeyboardInterrupt:
        code = 130
    session.stop()
    over = threading.Event()
    _later(GRACE_S, over.set)
    while session.at_work and not over.wait(0.005):
        pass
    _leave(code, folder, at_end)


def greeting(capabilities: Collection[Capability], digest: str = "") -> Hello:
    """Return the banner of a session that begins; its name says that it is another one than the last."""
    words = tuple(each.word for each in sorted(capabilities))
    return Hello(PROTOCOL, __version__, digest, secrets.token_hex(8), words)


def pushed(folder: str, digest: str, *hosts: str) -> NoReturn:
    """Serve as the agent that came through standard input: it can look and ask, and change nothing."""
    from supportctl.remote.work import handlers

    serve_stdio(handlers(named=hosts), FixedGate(_PUSHED), greeting(_PUSHED, digest), folder=folder)


def _later(seconds: float, call: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


def _lead_group() -> None:
    """Lead a group of processes, so that children can be ended with us."""
    if hasattr(os, "setpgid"):
        try:
            os.setpgid(0, 0)
        except OSError:  # the leader of a session, as sshd starts it: it leads its group already
            return


def _leave(code: int, folder: str, at_end: Callable[[], object] | None = None) -> NoReturn:
    """End at once, with children; a thread that waits for a device does not hold us."""
    _leaving.set()
    if at_end is not None:
        with suppress(Exception):  # a disk that is full does not keep us here
            at_end()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGTERM)  # our own handler finds `_leaving` set
    os._exit(code)
