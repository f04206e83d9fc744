"""discover and identify: plugs the search for devices into links, clock and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from probes.discovery.identity import Identity
    from probes.discovery.lan import OpenPort, ScanResult
    from probes.discovery.places import Place
    from supportctl.core.clock import Clock
    from supportctl.core.target import Target

IDENTIFY_S = 30.0
_PRINTERS_AT_ONCE = 16
_PORT_S = 10.0  # one serial port, all speeds


class Discovered(NamedTuple):
    """A place, and who answered there: None where nobody was asked."""

    place: Place
    identity: Identity | None = None

    @property
    def target(self) -> Target | None:
        """The target as the configuration would have it, if the device was identified."""
        return self.identity.found if self.identity else None


class Discovery(NamedTuple):
    """What discover found; `scan` says how complete a search of the network was."""

    found: tuple[Discovered, ...]
    scan: ScanResult | None = None


def discover_targets() -> list[Target]:
    """Return what a check without a configuration looks at: devices that are known without being asked.

    These are serial ports whose USB ids name the device and that no program holds, and services of the till
    that listen on this computer.
    """
    from probes.discovery.places import local_places, serial_places

    known = [place for place in serial_places() if place.protocols and not place.held_by]
    targets = [parse_target(_with_protocol(place)) for place in known]
    return targets + [parse_target(place.url) for place in local_places()]


def _with_protocol(place: Place) -> str:
    return f"{place.protocols[0]}+{place.url}"


def run_identify(
    word: str, *, config: Path | None = None, deadline_s: float = IDENTIFY_S, clock: Clock | None = None
) -> Identity:
    """Return which device answers at a target: a URL, or a name of the configuration.

    Raises:
        UsageError: the word is neither.
    """
    from probes.discovery.identify import identify, wires
    from probes.links import open_link
    from supportctl.app.config_file import load_config
    from supportctl.app.targets import resolve_target

    clock = clock or SystemClock()
    target = resolve_target(word, None if config is None and "://" in word else load_config(config))
    return identify(target, wires(open_link), Deadline.after(deadline_s, clock), clock)


def run_discover(
    *,
    lan: str | None = None,
    ask_serial: bool = False,
    clock: Clock | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Discovery:
    """Return the devices of this computer, and of a network if one is named.

    Raises:
        UsageError: `lan` is no network, too big or not a local one.
    """
    from probes.discovery.places import local_places, serial_places

    clock = clock or SystemClock()
    network = None
    if lan is not None:
        from probes.discovery.lan import parse_network

        network = parse_network(lan)
    found = [_serial(place, clock, ask=ask_serial) for place in serial_places()]
    found += [Discovered(place) for place in local_places()]
    if network is None:
        return Discovery(tuple(found))
    from probes.discovery.families import lan_ports
    from probes.discovery.lan import TOTAL_S, scan

    scanned = scan(network, lan_ports(), Deadline.after(TOTAL_S, clock), on_progress)
    return Discovery((*found, *_asked(scanned.found, clock)), scanned)


def _serial(place: Place, clock: Clock, *, ask: bool) -> Discovered:
    """Ask a serial port that nobody holds; a held one belongs to its holder."""
    if not ask or place.held_by:
        return Discovered(place)
    from probes.discovery.identify import identify, wires
    from probes.links import open_link

    target = parse_target(place.url)
    return Discovered(place, identify(target, wires(open_link), Deadline.after(_PORT_S, clock), clock))


def _asked(ports: Iterable[OpenPort], clock: Clock) -> list[Discovered]:
    """Identify what may be asked, by the question of the port's family; say what the other ports are for."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_PRINTERS_AT_ONCE, "discover") as pool:
        return list(pool.map(lambda port: _one(port, clock), ports))


def _one(port: OpenPort, clock: Clock) -> Discovered:
    from probes.discovery.families import family_of
    from probes.discovery.identify import identify, wires
    from probes.discovery.places import Place
    from probes.links import open_link

    family = family_of(port.port)
    host = f"[{port.host}]" if ":" in port.host else port.host
    url = f"tcp://{host}:{port.port}"
    protocols = (family.protocol,) if family and family.protocol else ()
    place = Place(url, "lan", protocols, family.kind if family else "")
    deadline = Deadline.after(_PORT_S, clock)
    if family is not None and family.protocol == "massak":
        from probes.discovery.udp_poll import identify_by_udp

        identity = identify_by_udp(parse_target(url), open_link, deadline)
        return Discovered(place, identity)
    if family is None or not family.ask:
        return Discovered(place)
    return Discovered(place, identify(parse_target(url), wires(open_link), deadline, clock, details=False))


def write_found(
    discovery: Discovery, config: Path | None, clock: Clock | None = None
) -> tuple[Path, list[Target]]:
    """Add what was identified to the configuration; returns the file and what was new in it."""
    from supportctl.app.config_write import add_targets

    targets = [item.target.named(suggested_name(item)) for item in discovery.found if item.target]
    return add_targets(config, targets, clock or SystemClock())


def suggested_name(item: Discovered) -> str:
    """Return a name: what the device calls itself, else its protocol and place (`tm-t20iii`, `escpos-50`)."""
    assert item.identity is not None
    assert item.target is not None
    words = item.identity.details.get("model") or f"{item.target.protocol}-{_place_word(item.target)}"
    kept = "".join(c.lower() if c.isascii() and c.isalnum() else "-" for c in words)
    return "-".join(part for part in kept.split("-") if part)[:40] or "device"


def _place_word(target: Target) -> str:
    return target.host.rpartition(".")[2] if target.host else target.path.rpartition("/")[2]
