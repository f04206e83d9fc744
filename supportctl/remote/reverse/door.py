"""The customer's door: an SSH server with one subsystem and nothing else, reached through the tunnel.

Whoever comes in has proved three things at once, in one signed message: the code that the customer read out,
a key that the company has signed, and that both are meant for this very connection. The first key that comes
in is the only one: a code that is overheard later opens nothing.
"""

from __future__ import annotations

import contextlib
import hmac
import re
import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from supportctl.remote.reverse.pairing import proof
from supportctl.remote.reverse.staff import NotStaffError, Staff, fingerprint, read_staff
from supportctl.remote.reverse.wire import ChannelLink, hang_up, inside
from supportctl.remote.server import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock
    from supportctl.remote.links.transport import StrongTransport
    from supportctl.remote.reverse.pairing import Pairing

SUBSYSTEM = "supportctl-session"
GRACE_S = 20.0  # until somebody who has come must have shown who they are
MAX_LINES = 8
MAX_UNKNOWN = 4  # of them, who have not shown yet who they are
MAX_FAILED = 10  # refused tries in one sharing; then the door is shut for good
MAX_SESSIONS = 16
_GOODBYE_S = 0.5  # so long the other side may take to hear that it is over
_USER = re.compile(r"((?:lead|work)-[0-9a-f]{16})\.([0-9a-f]{64})")


class Guests(Protocol):
    """Hears who comes, who is refused and who leaves."""

    def refused(self, reason: str, name: str) -> None:
        """Somebody was refused: `reason` is a phrase, `name` is safe to show."""

    def came(self, staff: Staff) -> None:
        """A supporter is connected."""

    def left(self, staff: Staff, *, on_purpose: bool) -> None:
        """A supporter's line has ended."""

    def rested(self) -> None:
        """A command of the supporter has done its work; another may follow."""

    def besieged(self) -> None:
        """Too many were refused: the door is shut."""


class DoorSettings(NamedTuple):
    """What the door goes by. `revoked` are fingerprints of keys that were signed once."""

    host_key: paramiko.PKey
    company_keys: tuple[str, ...]
    revoked: frozenset[str] = frozenset()


class Door:
    """Takes what comes through the tunnel. `serve(link, session, staff)` serves one line until it ends."""

    def __init__(
        self,
        settings: DoorSettings,
        clock: Clock,
        guests: Guests,
        serve: Callable[[ChannelLink, Session, Staff], None],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.guests = guests
        self.pairing: Pairing | None = None
        self._serve = serve
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._sessions: dict[str, Session] = {}
        self._owner = ""  # fingerprint of the key that came in first
        self._failed = 0
        self._shut = False

    @property
    def guests_now(self) -> int:
        """How many lines of the supporter there are."""
        with self._lock:
            return sum(1 for line in self._lines if line.served)

    def take(self, channel: paramiko.Channel) -> None:
        """Let somebody knock. Called on the tunnel's thread: returns at once."""
        with self._lock:
            self._lines = [line for line in self._lines if line.transport.is_active() or line.fresh]
            unknown = sum(1 for line in self._lines if not line.served)
            if self._shut or len(self._lines) >= MAX_LINES or unknown >= MAX_UNKNOWN:
                channel.close()
                return
            transport = inside(channel)
            line = _Line(self, transport, self.clock.monotonic())
            self._lines.append(line)
        transport.add_server_key(self.settings.host_key)
        transport.start_server(event=threading.Event(), server=line)
        line.fresh = False

    def sweep(self) -> None:
        """Put out who has not shown in time who they are."""
        now = self.clock.monotonic()
        with self._lock:
            late = [line for line in self._lines if not line.served and now - line.since >= GRACE_S]
        for line in late:
            hang_up(line.transport)

    def shut(self) -> None:
        """End all lines and take no other."""
        with self._lock:
            self._shut = True
            lines, self._lines = self._lines, []
            sessions = list(self._sessions.values())
        for session in sessions:
            session.stop()
        for line in lines:
            if line.channel is not None:  # said on purpose: the other side need not try again
                with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                    line.channel.close()
        end = self.clock.monotonic() + _GOODBYE_S
        for line in lines:
            if line.channel is not None and threading.current_thread() is not line.transport:
                line.transport.join(max(end - self.clock.monotonic(), 0.0))
            hang_up(line.transport)

    def rest(self, seconds: float) -> None:
        """Wait until nothing is at work any more, at most so long."""
        end = self.clock.monotonic() + seconds
        with self._lock:
            sessions = list(self._sessions.values())
        while any(session.at_work for session in sessions) and self.clock.monotonic() < end:
            self.clock.sleep(0.02)

    def knows(self, staff: Staff) -> bool:
        """Whether this key may come in: it is the first one, or the same as before."""
        return staff.fingerprint not in self.settings.revoked and self._owner in {"", staff.fingerprint}

    def refuse(self, reason: str, name: str = "") -> None:
        """Count somebody who was refused."""
        with self._lock:
            self._failed += 1
            besieged = self._failed >= MAX_FAILED and not self._shut
        self.guests.refused(reason, name)
        if besieged:
            self.shut()
            self.guests.besieged()

    def admit(self, staff: Staff, name: str) -> Session | None:
        """Return the session of a line; None where another key was first, or there are too many."""
        with self._lock:
            if self._shut or not self.knows(staff):
                return None
            session = self._sessions.get(name)
            if session is None:
                if len(self._sessions) >= MAX_SESSIONS:
                    self._sessions.pop(next(iter(self._sessions))).stop()
                session = self._sessions[name] = Session()
            self._owner = staff.fingerprint
            return session

    def serve(self, line: _Line, channel: paramiko.Channel, staff: Staff, name: str) -> None:
        """Serve a line until it ends, on a thread of its own."""
        link = ChannelLink(channel, lambda: _part(line))
        session = self.admit(staff, name)
        if session is None:
            link.close()
            return
        line.served, line.channel = True, channel
        self.guests.came(staff)
        try:
            self._serve(link, session, staff)
        finally:
            goodbye = link.said_goodbye
            link.close()
            with self._lock:
                self._lines = [each for each in self._lines if each is not line]
            if goodbye and not name.startswith("lead-"):
                self.guests.rested()  # a command that has done its work is no supporter who leaves
            else:
                self.guests.left(staff, on_purpose=goodbye)


class _Line(paramiko.ServerInterface):
    """One connection that came through the tunnel. What it does not allow, paramiko's base class refuses."""

    def __init__(self, door: Door, transport: StrongTransport, since: float) -> None:
        self.transport = transport
        self.since = since
        self.served = False
        self.fresh = True
        self.channel: paramiko.Channel | None = None
        self._door = door
        self._staff: Staff | None = None
        self._name = ""
        self._channels = 0

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002  paramiko's signature
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Say whether this key with this proof may come in; paramiko checks the signature after that."""
        self._staff = None
        found = _USER.fullmatch(username)
        pairing = self._door.pairing
        if found is None or pairing is None:
            return self._refuse("share.wrong-code")
        exchange = self.transport.session_id or b""
        # `asbytes` is the key alone, without its certificate
        told = proof(pairing, exchange, self._host_key(), key.asbytes(), found[1])
        if not hmac.compare_digest(told, found[2]):
            return self._refuse("share.wrong-code")
        try:
            certificate = key.public_blob.key_blob if key.public_blob else key.asbytes()
            now = self._door.clock.now().timestamp()
            staff = read_staff(certificate, self._door.settings.company_keys, now)
        except NotStaffError as error:
            return self._refuse(error.reason, error.name)
        # the certificate speaks of a key: it must be the one that has signed
        if staff.fingerprint != fingerprint(key.asbytes()):
            return self._refuse("share.key-unsigned", staff.name)
        if not self._door.knows(staff):
            return self._refuse("share.key-second", staff.name)
        self._staff, self._name = staff, found[1]
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002  paramiko's signature
        """Allow one session channel; nothing that is forwarded."""
        self._channels += 1
        if kind == "session" and self._channels == 1 and self._staff is not None:
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        """Begin to serve: the only thing that there is behind this door."""
        staff, self_name = self._staff, self._name
        if name != SUBSYSTEM or staff is None or self.served:
            return False
        work = (self, channel, staff, self_name)
        threading.Thread(target=self._door.serve, args=work, name="session line", daemon=True).start()
        return True

    def _refuse(self, reason: str, name: str = "") -> int:
        self._door.refuse(reason, name)
        return AUTH_FAILED

    def _host_key(self) -> bytes:
        return self._door.settings.host_key.asbytes()


def _part(line: _Line) -> None:
    """End a line once the other side has heard the goodbye and hung up, or after a moment."""
    if threading.current_thread() is not line.transport:
        line.transport.join(_GOODBYE_S)
    hang_up(line.transport)
