"""The portals of a lab: each on its own port, with the lab's day in them.

with PortalHouse(scenario.portals, day="gaps") as house:
    house.url("acme"), house.sections(), house.switch("acme", "expired-token", on=True)
"""

from __future__ import annotations

import errno
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from integrations.lab.catalogue import PORTALS
from integrations.lab.day import CLOCK_AHEAD, SEED, Day, make_day, plant
from integrations.lab.roles import CrmPortal, ShopPortal, TelephonyPortal
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from integrations.lab.portal import Portal
    from integrations.lab.serve import PortalServer

_UNTIL_NOW = timedelta(0)


class PortalSpec(Protocol):
    """What a scenario says of a portal; `where` is its place in the scenario's file."""

    @property
    def name(self) -> str:
        """How the configuration calls it."""

    @property
    def kind(self) -> str:
        """The vendor's system."""

    @property
    def section(self) -> str:
        """The section of the configuration."""

    @property
    def port(self) -> int:
        """Its port; 0: any free one."""

    @property
    def faults(self) -> Sequence[str]:
        """The faults that it starts with."""

    @property
    def where(self) -> str:
        """File and line."""


class Wanted(NamedTuple):
    """A `PortalSpec` for tests and benchmarks."""

    name: str
    kind: str
    section: str
    port: int = 0
    faults: tuple[str, ...] = ()
    where: str = "-"


def check_portals(specs: Iterable[PortalSpec]) -> None:
    """Look at what only the portals themselves know: kinds, sections, faults.

    Raises:
        UsageError: `lab.scenario-bad-value`, with the place in the scenario.
    """
    for spec in specs:
        kind = PORTALS.get(spec.kind)
        if kind is None:
            raise _wrong(spec, "kind", spec.kind, PORTALS)
        if spec.section not in kind.sections:
            raise _wrong(spec, "section", spec.section, kind.sections)
        known = kind.load()(SystemClock(), spec.name).faults if spec.faults else {}
        for fault in spec.faults:
            if fault not in known:
                raise _wrong(spec, "faults", fault, known)


def _wrong(spec: PortalSpec, field: str, found: str, known: Iterable[str]) -> UsageError:
    return UsageError(
        "lab.scenario-bad-value", where=spec.where, field=field, found=found, expected=nearest(found, known)
    )


class PortalHouse:
    """Portals that answer on loopback, inside `with` or until `close`. `day` holds what was planted.

    `day` is `none`, `healthy`, `gaps` or `gaps-clock`. The day goes into every telephony system and every CRM
    of the house, and ends now.

    Raises:
        UsageError: a portal that does not exist, or whose port is in use.
    """

    def __init__(
        self,
        specs: Iterable[PortalSpec],
        day: str = "none",
        *,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
        seed: int = SEED,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        check_portals(self._specs.values())
        clock = clock or SystemClock()
        self.portals: dict[str, Portal] = {
            name: PORTALS[spec.kind].load()(clock, name) for name, spec in self._specs.items()
        }
        ahead = CLOCK_AHEAD if day == "gaps-clock" else _UNTIL_NOW
        self.day: Day | None = None
        if day != "none":
            self.day = make_day(clock.now(), zone, gaps=day != "healthy", clock_ahead=ahead, seed=seed)
            self._plant(self.day)
            self._plant_shops(clock.now(), zone, troubles=day != "healthy")
        self._servers: dict[str, PortalServer] = {}
        try:
            for spec in self._specs.values():
                self._open(spec)
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the portals."""
        return tuple(self.portals)

    def portal(self, name: str) -> Portal:
        """Return the portal itself.

        Raises:
            UsageError: `lab.unknown-device`.
        """
        if name not in self.portals:
            raise UsageError("lab.unknown-device", found=name, nearest=nearest(name, self.portals))
        return self.portals[name]

    def spec(self, name: str) -> PortalSpec:
        """Return what the scenario says of a portal."""
        return self._specs[name]

    def url(self, name: str) -> str:
        """Return a portal's base address, without a slash at its end."""
        return self._servers[name].url

    def switch(self, name: str, fault: str, *, on: bool) -> None:
        """Switch a fault of a portal.

        Raises:
            UsageError: `lab.unknown-device`, `lab.unknown-fault`.
        """
        portal = self.portal(name)
        try:
            portal.switch(fault, on=on)
        except KeyError:
            near = nearest(fault, portal.faults)
            raise UsageError("lab.unknown-fault", found=fault, device=name, nearest=near) from None

    def clear(self, name: str) -> None:
        """Switch off every fault of a portal."""
        for fault in self.portal(name).active:
            self.switch(name, fault, on=False)

    def sections(self) -> Mapping[str, Any]:
        """Return the sections of the configuration that name the portals, and who is told. `Any`: YAML."""
        found: dict[str, Any] = {}
        for name, spec in self._specs.items():
            portal, section = self.portals[name], spec.section
            # one vendor's account may be an entry of two sections that differ
            own = getattr(portal, "stock_account", portal.account) if section == "shop" else portal.account
            found.setdefault(section, {})[name] = own(self.url(name))
        chats = found.pop("notify", {})
        if chats:  # a list, in the configuration
            found["notify"] = [entry["url"] for entry in chats.values()]
        if chats or "trackers" in found:
            tracker = {"tracker": next(iter(found["trackers"]))} if "trackers" in found else {}
            found["escalation"] = {"notify": bool(chats), **tracker}
        return found

    def close(self) -> None:
        """Stop every portal; may be called twice."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def __enter__(self) -> Self:
        """Return the house."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop every portal."""
        self.close()

    def _plant_shops(self, now: datetime, zone: tzinfo | None, *, troubles: bool) -> None:
        for name, portal in self.portals.items():
            if isinstance(portal, ShopPortal) and self._specs[name].section == "shop":
                portal.plant_shop(now, zone or now.tzinfo or UTC, troubles=troubles)

    def _plant(self, day: Day) -> None:
        for name, portal in self.portals.items():
            if self._specs[name].section == "shop":
                continue
            if isinstance(portal, TelephonyPortal):
                plant(day, portal, None)
            elif isinstance(portal, CrmPortal):
                plant(day, None, portal)

    def _open(self, spec: PortalSpec) -> None:
        from integrations.lab.serve import PortalServer

        for fault in spec.faults:
            self.switch(spec.name, fault, on=True)
        try:
            self._servers[spec.name] = PortalServer(self.portals[spec.name], spec.port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UsageError("lab.port-in-use", found=spec.port, device=spec.name) from None
            raise UsageError(
                "lab.cannot-serve", found=spec.port, device=spec.name, reason=error.strerror or error
            ) from None
