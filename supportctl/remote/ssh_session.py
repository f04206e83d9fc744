"""A session with a machine that has an SSH server: connects, starts the agent there, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.client import Client
from supportctl.remote.link import LinkClosedError
from supportctl.remote.links.ssh import run_command, sign_in_keys
from supportctl.remote.push import CHANGED, TOO_OLD, archive, command, send
from supportctl.remote.reconnect import Reconnect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import paramiko

    from supportctl.core.clock import Clock
    from supportctl.remote.frames import Hello
    from supportctl.remote.links.ssh import SshLink
    from supportctl.remote.links.transport import Connector
    from supportctl.remote.push import Archive
    from supportctl.remote.url import SshPlace

INSTALLED = "supportctl agent --stdio"  # a forced command puts its own in the place of this
HELLO_S = 15.0
_CHANNEL_S = 10.0
_AGAIN_S = 0.6  # a try to come back: short, so that a line that is up again is used within a second
_SLOW = 6.0  # times what the first connection took, where the line is long
_NO_COMMAND = frozenset({1, 126, 127, 9009})  # a shell's codes for a program that is not there


class SshSession:
    """One session over SSH. `client` asks; `back` is what its requests are given for a line that breaks."""

    def __init__(
        self,
        place: SshPlace,
        connector: Connector,
        folder: Path,
        clock: Clock,
        *,
        chance: Callable[[], float],
        name: str,
        agent: Callable[[], Archive] = archive,
    ) -> None:
        self.place = place
        self.client = Client(clock, name)
        self.back: Callable[[], bool] = Reconnect(self._again, lambda: self.client.connected, clock, chance)
        self._connector = connector
        self._clock = clock
        self._agent = agent
        self._keys: list[paramiko.PKey] = sign_in_keys(place, folder)
        self._pushes = place.way == "push"
        self._took_s = 0.0
        self.port = place.ports[0]

    def open(self) -> Hello:
        """Connect, and return what the agent says of itself.

        Raises:
            SupportctlError: which step failed; with several ports, that of the last one.
        """
        problem: SupportctlError | None = None
        for port in self.place.ports:
            try:
                return self._open(port, None)
            except SupportctlError as error:
                if error.key not in {"remote.tcp", "remote.ssh-banner"}:
                    raise
                problem = error
        assert problem is not None
        raise problem

    def close(self) -> None:
        """End the session; the agent ends with it."""
        self.client.close()

    @property
    def pushed(self) -> bool:
        """Whether the agent was brought along."""
        return self._pushes

    def _again(self, number: int) -> Hello:
        ports = self.place.ports
        port = ports[(ports.index(self.port) + number) % len(ports)]
        return self._open(port, max(_AGAIN_S, self._took_s * _SLOW))

    def _open(self, port: int, connect_s: float | None) -> Hello:
        if not self._pushes:
            try:
                return self._start(port, connect_s, None)
            except SupportctlError as error:
                if self.place.way == "installed" or error.key != "remote.no-agent":
                    raise
        hello = self._start(port, connect_s, self._agent())
        self._pushes = True
        return hello

    def _start(self, port: int, connect_s: float | None, made: Archive | None) -> Hello:
        begun = self._clock.monotonic()
        transport = self._connector.connect(self.place.host, port, self.place.user, self._keys, connect_s)
        self._took_s = self._took_s or self._clock.monotonic() - begun
        line = INSTALLED if made is None else command(made, self.place.python)
        link = run_command(transport, line, self._clock, _CHANNEL_S)
        try:
            if made is not None:
                send(link, made)
            hello = self.client.attach(link, HELLO_S)
        except (SupportctlError, LinkClosedError) as error:
            problem = _why_no_agent(link, error)
            link.close()
            raise problem from None
        if made is not None and hello.digest != made.digest:
            self.client.close()
            raise SupportctlError("remote.agent-changed", expected=made.digest, found=hello.digest)
        self.port = port
        return hello


def _why_no_agent(link: SshLink, error: Exception) -> SupportctlError:
    """Return what to tell of a command that did not become an agent."""
    ending = link.ending()
    if TOO_OLD in ending.stderr:
        found = ending.stderr.partition(TOO_OLD)[2].strip()
        return SupportctlError("remote.old-python", found=found[:20])
    if CHANGED in ending.stderr:
        return SupportctlError("remote.agent-changed", expected="-", found="-")
    if ending.code in _NO_COMMAND:
        return SupportctlError("remote.no-agent", found=ending.stderr or ending.code)
    if isinstance(error, SupportctlError) and error.key != "remote.closed":
        return error
    reason = ending.stderr or clean(error)
    return SupportctlError(
        "remote.agent-ended", code=ending.code if ending.code is not None else "-", reason=reason
    )
