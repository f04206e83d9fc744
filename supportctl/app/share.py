"""Sharing this computer: the way out, the door, what is served behind it, and when it is over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from supportctl import __version__
from supportctl.remote.audited import AuditedGate, written
from supportctl.remote.audited import with_log as handlers_with_log
from supportctl.remote.capability import Capability
from supportctl.remote.consent import ConsentGate, Customer
from supportctl.remote.frames import PROTOCOL, Hello, ProtocolError
from supportctl.remote.methods import METHODS
from supportctl.remote.reverse.door import Door, DoorSettings, Guests
from supportctl.remote.reverse.pairing import new_pairing
from supportctl.remote.reverse.tunnel import Account, Tunnel, Weather, new_host_key
from supportctl.remote.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supportctl.core.clock import Clock
    from supportctl.core.errors import SupportctlError
    from supportctl.remote.audit import AuditLog
    from supportctl.remote.capability import Wanted
    from supportctl.remote.consent import Question
    from supportctl.remote.reverse.bastion import Bastion
    from supportctl.remote.reverse.staff import Staff
    from supportctl.remote.reverse.wire import ChannelLink
    from supportctl.remote.server import Call, Session

    Handlers = Mapping[str, Callable[[Mapping[str, Any], Call], Mapping[str, Any]]]

AWAY_S = 60.0  # a supporter whose line broke may come back within this time
IDLE_S = 900.0  # between two commands of a supporter who keeps no session open
LAST_S = 5.0  # what is at work may tidy up so long


class SharePlan(NamedTuple):
    """What one sharing goes by."""

    bastion: Bastion
    account: Account
    company_keys: tuple[str, ...]
    revoked: frozenset[str]
    ticket: str
    read_only: bool
    longest_s: float


class Screen(Customer, Guests, Weather, Protocol):
    """Where the customer sees it all."""

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal with a person at it."""


class Served(NamedTuple):
    """What is served behind the door, how a wish is described, and who else hears of every request."""

    handlers: Handlers
    describe: Callable[[Wanted, Mapping[str, Any]], Question]
    listeners: Sequence[Callable[[str, Mapping[str, Any], str], None]] = ()


def with_log(served: Served, log: AuditLog) -> Served:
    """Return what is served with the method by which both sides tell how far their audit logs have come.

    What a bridge carries is counted in the log.
    """
    return served._replace(handlers=handlers_with_log(served.handlers, log))


class Sharing:
    """One sharing of this computer. `tick` is called every moment by whoever shows it."""

    def __init__(
        self,
        plan: SharePlan,
        screen: Screen,
        served: Served,
        clock: Clock,
        chance: Callable[[], float],
        *,
        log: AuditLog | None = None,
    ) -> None:
        self.plan = plan
        self.reason = ""  # why it is over; "" while it is not
        self.problem: SupportctlError | None = None
        self._screen = screen
        self._log = log
        self._served = served if log is None else with_log(served, log)
        self._clock = clock
        self._began = clock.monotonic()
        self._away_until: float | None = None
        self._over = threading.Lock()
        key = new_host_key()
        settings = DoorSettings(key, plan.company_keys, plan.revoked)
        self.door = Door(settings, clock, self, self._serve)
        self.tunnel = Tunnel(plan.bastion, plan.account, self.door, clock, chance)
        self._host_key = key.asbytes()
        self.gate = ConsentGate(
            screen,
            served.describe,
            clock,
            read_only=plan.read_only,
            can_ask=screen.can_ask,
            listeners=served.listeners,
        )

    def open(self) -> str:
        """Return the pairing code, once the way is open.

        Raises:
            SupportctlError: the bastion cannot be reached, is not ours, or refuses us.
        """
        self.door.pairing = new_pairing(self.tunnel.open(), self._host_key)
        self.tunnel.keep(self._screen_weather())
        return self.door.pairing.text

    def tick(self) -> bool:
        """Return whether it goes on: not too long, and not without a supporter who was there."""
        now = self._clock.monotonic()
        if not self.reason and now - self._began >= self.plan.longest_s:
            self.end("time")
        away = self._away_until
        if not self.reason and away is not None and now >= away:
            self.end("away")
        return not self.reason

    def end(self, reason: str) -> None:
        """End it at once: nobody gets an answer any more. What is at work stops, and may tidy up."""
        with self._over:
            if self.reason:
                return
            self.reason = reason
        self.gate.grants.revoke()
        self.door.shut()
        self.tunnel.close()
        self.door.rest(LAST_S)

    # --- what the door and the line say -------------------------------------------------------------------

    def refused(self, reason: str, name: str) -> None:
        """Pass it on."""
        self._logged(name or "-", reason)
        self._screen.refused(reason, name)

    def came(self, staff: Staff) -> None:
        """A supporter is there."""
        self._away_until = None
        self._logged(f"{staff.name} {staff.fingerprint}", "accepted")
        self._screen.came(staff)

    def left(self, staff: Staff, *, on_purpose: bool) -> None:
        """A supporter has left: on purpose it is over, else they may come back for a while."""
        if self.reason:
            return
        if self.door.guests_now == 0:
            self._away_until = self._clock.monotonic() + AWAY_S
            self._screen.left(staff, on_purpose=on_purpose)
        if on_purpose:
            self._later("left")

    def rested(self) -> None:
        """A command has done its work."""
        if self.door.guests_now == 0:
            self._away_until = self._clock.monotonic() + IDLE_S

    def besieged(self) -> None:
        """Too many strangers."""
        self._screen.besieged()
        self._later("besieged")

    def _logged(self, who: str, outcome: str) -> None:
        log = self._log
        if log is not None:
            written(lambda: log.sign_in(who, outcome))

    def _later(self, reason: str) -> None:
        """End it from a thread of a line, which must not wait for itself."""
        threading.Thread(target=self.end, args=(reason,), name="end", daemon=True).start()

    def _screen_weather(self) -> Weather:
        return _Line(self, self._screen)

    def _serve(self, link: ChannelLink, session: Session, staff: Staff) -> None:
        rights = [Capability.OBSERVE, Capability.PROBE]
        if not self.plan.read_only and self._screen.can_ask:
            kinds = {METHODS[name].capability for name in self._served.handlers}
            rights += [right for right in (Capability.FIX, Capability.BRIDGE) if right in kinds]
        words = tuple(right.word for right in rights)
        hello = Hello(PROTOCOL, __version__, "", f"{self.plan.ticket}", words)
        try:
            gate = self.gate if self._log is None else AuditedGate(self.gate, self._log)
            Server(link, self._served.handlers, gate, self._clock, session).serve(hello)
        except ProtocolError as error:
            self._screen.refused("share.nonsense", f"{staff.name}: {error.code}")


class _Line:
    """The line to the bastion, as the customer hears of it."""

    def __init__(self, sharing: Sharing, screen: Screen) -> None:
        self._sharing = sharing
        self._screen = screen

    def lost(self) -> None:
        self._screen.lost()

    def back(self) -> None:
        self._screen.back()

    def gone(self, error: SupportctlError) -> None:
        self._sharing.problem = error
        self._screen.gone(error)
        threading.Thread(target=self._sharing.end, args=("line",), name="end", daemon=True).start()
