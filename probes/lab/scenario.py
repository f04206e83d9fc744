"""What a lab is made of: the devices of a simulated shop, their wires and the faults that they start with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from probes.lab.wirefaults import TCP

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_SCENARIO = "shop"
SECTIONS = ("telephony", "crm", "shop", "trackers", "notify")
DAYS = ("none", "healthy", "gaps", "gaps-clock")
_FOLDER = "scenarios"


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device. `port` is for TCP and UDP (0: any free one), `baud` the speed of a serial line (0: any)."""

    name: str
    protocol: str
    wires: tuple[str, ...] = (TCP,)
    port: int = 0
    model: str | None = None
    baud: int = 0
    faults: tuple[str, ...] = ()

    def times(self, count: int) -> tuple[DeviceSpec, ...]:
        """Return this device `count` times, as NAME-1, NAME-2 ...; once, under its own name."""
        if count == 1:
            return (self,)
        return tuple(replace(self, name=f"{self.name}-{number}") for number in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class PortalSpec:
    """One simulated account of a service. Which kinds there are is known to whoever starts them.

    `section` is the part of the configuration that names it; `where` its place in the file, for messages.
    """

    name: str
    kind: str
    section: str
    port: int = 0
    faults: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One simulated shop.

    `day` is what its portals know of the last day's calls: `none`, `healthy`, `gaps` (some calls got lost on
    their way), `gaps-clock` (the clock of the CRM is wrong, too).
    """

    name: str
    devices: tuple[DeviceSpec, ...]
    site: str = "lab"
    portals: tuple[PortalSpec, ...] = ()
    day: str = "none"
    phone_region: str = ""

    @classmethod
    def many(
        cls, count: int, protocol: str = "escpos", *, dead: int = 0, fault: str = "wire-silent"
    ) -> Scenario:
        """Return `count` devices on TCP, printer-1 and so on; the last `dead` of them have `fault`."""
        specs = DeviceSpec("printer", protocol).times(count)
        broken = tuple(replace(spec, faults=(fault,)) for spec in specs[count - dead :])
        return cls(f"many-{count}", specs[: count - dead] + broken)


def built_in() -> tuple[str, ...]:
    """Return the names of the scenarios that come with supportctl."""
    folder = files("probes.lab") / _FOLDER
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")))


def load_scenario(source: str | Path) -> Scenario:
    """Return a scenario by the name of a built-in one or by the path of a file.

    Raises:
        UsageError: there is none, or the file is wrong; the key is one of `lab.scenario-*`.
    """
    from probes.lab.scenario_file import parse_scenario, read_scenario

    if isinstance(source, str) and source in built_in():
        text = (files("probes.lab") / _FOLDER / f"{source}.yaml").read_text(encoding="utf-8")
        return parse_scenario(text, source, f"{source}.yaml")
    return read_scenario(source)
