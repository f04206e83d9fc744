"""A device's serial line: a pseudo-terminal under a path that stays the same."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import termios
import tty
from typing import TYPE_CHECKING

from probes.lab.serve.session import Session
from probes.lab.uart import heard, seconds_per_byte
from probes.lab.wirefaults import HELD, REFUSED, SERIAL, WireFaults

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from probes.lab.serve.openers import OpenWatcher
    from probes.lab.serve.session import Consumer

_CHUNK = 64 * 1024
_SPEEDS: dict[int, int] = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name[:1] == "B" and name[1:].isdigit()
}
_IN_SPEED, _OUT_SPEED = 4, 5
_USUAL = termios.B9600
_TAKEN_S = 0.02  # how often we look whether the client has taken what was sent
_LINGER_S = 1.0


class SerialLine:
    """One pseudo-terminal.

    With `baud` the line has a speed: answers take their time, and a client that has set another speed hears
    and says what a real line would make of it (parity and byte size a pseudo-terminal ignores).

    `wire-refused`: the path vanishes, as when an adapter is pulled out. `wire-held`: another program (the
    lab) holds the port, by flock, which is what pyserial asks for, and by TIOCEXCL.
    """

    wire = SERIAL

    def __init__(
        self,
        consumer: Consumer,
        faults: WireFaults,
        loop: asyncio.AbstractEventLoop,
        path: Path,
        watcher: OpenWatcher,
        *,
        baud: int = 0,
    ) -> None:
        self._consumer = consumer
        self._faults = faults
        self._loop = loop
        self._path = path
        self._watcher = watcher
        self._baud = baud
        self._master = self._slave = -1
        self._watch = -1
        self._openers = 0  # as far as can be known: see Heard
        self._held = False
        self._leaving: asyncio.TimerHandle | None = None
        self._session: Session | None = None

    @property
    def address(self) -> str:
        """The path, and the speed if the line has one."""
        return f"{self._path}?baud={self._baud}" if self._baud else str(self._path)

    def open(self) -> None:
        """Make the pseudo-terminal and its path, unless a fault forbids it."""
        self.refresh()

    def refresh(self) -> None:
        """Be there or not, be held or not, as the faults say."""
        wanted = REFUSED not in self._faults.active
        if wanted and self._master < 0:
            self._take()
        elif not wanted:
            self.close()
        self._hold(on=wanted and HELD in self._faults.active)

    def close(self) -> None:
        """Let the pseudo-terminal and its path go; a client notices at once."""
        if self._master < 0:
            return
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self._end_session()
        self._watcher.forget(self._watch)
        self._path.unlink(missing_ok=True)
        self.reading(on=False)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self._openers, self._held = 0, False

    def fileno(self) -> int:
        """Return the device's side."""
        return self._master

    def write(self, data: bytes) -> int:
        """Return how many bytes the line took; to a client at another speed they sound different."""
        speed = self._client_speed(_IN_SPEED)
        if not self._baud or speed == self._baud:
            return os.write(self._master, data)
        os.write(self._master, heard(data, self._baud, speed))
        return len(data)

    def reading(self, *, on: bool) -> None:
        """Watch for bytes of the client, or leave them waiting."""
        if self._master < 0:
            return
        if on:
            self._loop.add_reader(self._master, self._readable)
        else:
            self._loop.remove_reader(self._master)

    def hang_up(self, session: Session) -> None:
        """The device falls off the line and comes back, as a loose plug does.

        Not before the client has taken what was sent, for a hang-up would destroy it.
        """
        session.end()
        self.reading(on=False)
        until = self._loop.time() + _LINGER_S
        self._leaving = self._loop.call_later(_TAKEN_S, self._leave, until)

    def _leave(self, until: float) -> None:
        waiting = bytearray(4)
        fcntl.ioctl(self._slave, termios.FIONREAD, waiting)
        if any(waiting) and self._loop.time() < until:
            self._leaving = self._loop.call_later(_TAKEN_S, self._leave, until)
            return
        self.close()
        self.refresh()

    def gone(self, session: Session) -> None:
        """The line failed under us: make it anew."""
        session.end()
        self.close()
        self.refresh()

    def _take(self) -> None:
        self._master, self._slave = pty.openpty()
        self._reset()
        os.set_blocking(self._master, False)
        name = os.ttyname(self._slave)
        self._watch = self._watcher.watch(name, self._opened_or_closed)
        fresh = self._path.with_name(f".{self._path.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(name)
        fresh.replace(self._path)
        self.reading(on=True)

    def _reset(self) -> None:
        """Make the line as new, whatever the last client did to it."""
        tty.setraw(self._slave)
        settings = termios.tcgetattr(self._slave)
        settings[_IN_SPEED] = settings[_OUT_SPEED] = _USUAL
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)
        if not self._held:
            fcntl.ioctl(self._slave, termios.TIOCNXCL)

    def _opened_or_closed(self, opened: bool, opens_again: bool) -> None:  # noqa: FBT001  see Heard
        if opened:
            self._openers += 1
            self._begin_session()
            return
        self._openers -= 1
        if not self._somebody_is_there():
            self._openers = 0
            self._drain()
            self._end_session()
            termios.tcflush(self._slave, termios.TCIOFLUSH)
            self._reset()
        elif self._openers <= 0:
            # By our count everybody has left: it must be the next client, who was quick. The line is theirs.
            self._openers = 0 if opens_again else 1
            self._end_session()
            self._begin_session()

    def _somebody_is_there(self) -> bool:
        """Return whether a client has the line open: without one, our letting go of it is a hang-up.

        The watch pauses, or it would tell of ourselves. A client that comes in that moment is noticed by its
        first bytes.
        """
        if self._held or not self._watcher.works:
            return True
        self._watcher.forget(self._watch)
        name = os.ttyname(self._slave)
        fcntl.ioctl(self._slave, termios.TIOCNXCL)  # or we might not be let in again
        os.close(self._slave)
        poll = select.poll()
        poll.register(self._master, 0)
        hung_up = bool(poll.poll(0))
        self._slave = os.open(name, os.O_RDWR | os.O_NOCTTY)
        self._watch = self._watcher.watch(name, self._opened_or_closed)
        return not hung_up

    def _begin_session(self) -> Session:
        if self._session is None:
            self._session = Session(self._loop, self, seconds_per_byte(self._baud) if self._baud else 0.0)
            self._consumer.opened(self._session)
        return self._session

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.end()
            self._consumer.closed(self._session)
            self._session = None

    def _readable(self) -> None:
        self._watcher.poll()
        self._drain(once=True)

    def _drain(self, *, once: bool = False) -> None:
        while self._master >= 0:
            try:
                data = os.read(self._master, _CHUNK)
            except BlockingIOError:
                return
            session = self._begin_session()
            if self._baud:
                data = heard(data, self._client_speed(_OUT_SPEED), self._baud)
            self._consumer.received(session, data)
            if once:
                return

    def _client_speed(self, which: int) -> int:
        """Return the speed that the client has set; one that has no name is not ours."""
        return _SPEEDS.get(termios.tcgetattr(self._slave)[which], 1) or 1

    def _hold(self, *, on: bool) -> None:
        if on == self._held:
            return
        try:
            fcntl.flock(self._slave, (fcntl.LOCK_EX if on else fcntl.LOCK_UN) | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # a client holds it already
        fcntl.ioctl(self._slave, termios.TIOCEXCL if on else termios.TIOCNXCL)
        self._held = on
