"""A running lab: the devices of a scenario on real wires, in a thread of this process.

with Lab.from_scenario("shop") as lab:
    check(lab.url("receipt-printer"))
    lab.fault("receipt-printer", "paper-out")
    assert lab.device("receipt-printer").writes == []
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from probes.lab.catalogue import make_device
from probes.lab.scenario import DEFAULT_SCENARIO, DeviceSpec, Scenario, load_scenario
from probes.lab.serve.loop import LoopThread
from probes.lab.serve.station import Station
from probes.lab.serve.tcp import TcpEndpoint
from probes.lab.serve.udp import UdpEndpoint
from probes.lab.wirefaults import TCP, UDP
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.lab.device import Device
    from probes.lab.serve.openers import OpenWatcher
    from probes.lab.serve.session import Endpoint

CONFIG_HEADER = "# Written by `supportctl lab up`: the devices of the simulated shop.\n"


class Lab:
    """The devices of one scenario.

    `folder` is where serial ports appear; without one a temporary folder is made.
    """

    def __init__(self, scenario: Scenario, folder: Path | None = None) -> None:
        self.scenario = scenario
        self._folder = folder
        self._temporary: Path | None = None
        self._stations: dict[str, Station] = {}
        self._watcher: OpenWatcher | None = None
        self.thread = LoopThread(f"lab {scenario.name}")
        try:
            self.thread.call(self._open)
        except BaseException:
            self.close()
            raise

    @classmethod
    def from_scenario(
        cls, source: str | Path | Scenario = DEFAULT_SCENARIO, folder: Path | None = None
    ) -> Lab:
        """Return a running lab of a built-in scenario, a file or a `Scenario`.

        Raises:
            UsageError: the scenario is wrong, a port is in use, or this system has no pseudo-terminals.
        """
        return cls(source if isinstance(source, Scenario) else load_scenario(source), folder)

    @classmethod
    def many(cls, count: int, protocol: str = "escpos", *, dead: int = 0, fault: str = "wire-silent") -> Lab:
        """Return a running lab of `count` devices on TCP; the last `dead` of them have `fault`."""
        return cls(Scenario.many(count, protocol, dead=dead, fault=fault))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the devices."""
        return tuple(self._stations)

    def station(self, name: str) -> Station:
        """Return a device with its wires.

        Raises:
            UsageError: `lab.unknown-device`.
        """
        if name not in self._stations:
            raise UsageError("lab.unknown-device", found=name, nearest=nearest(name, self._stations))
        return self._stations[name]

    def device(self, name: str) -> Device:
        """Return the simulated device itself: its `opcodes` and `writes` say what was done to it."""
        return self.station(name).device

    def targets(self, name: str) -> dict[str, str]:
        """Return a device's targets, name to URL: one a wire; the first has the device's own name."""
        station = self.station(name)
        protocol = station.device.protocol
        found: dict[str, str] = {}
        for endpoint in station.endpoints:
            target = name if not found else f"{name}-{endpoint.wire}"
            found[target] = f"{protocol}+{_url_wire(station, endpoint)}://{endpoint.address}"
        return found

    def url(self, name: str, wire: str | None = None) -> str:
        """Return a device's URL, of its first wire or of the one that is named."""
        endpoints = self.station(name).endpoints
        urls = zip(endpoints, self.targets(name).values(), strict=True)
        return next(url for endpoint, url in urls if wire in {None, endpoint.wire} or f"+{wire}://" in url)

    def fault(self, name: str, fault: str, *, on: bool = True) -> None:
        """Switch a fault of a device on or off.

        Raises:
            UsageError: `lab.unknown-device`, `lab.unknown-fault`, or the port was taken meanwhile.
        """
        station = self.station(name)
        try:
            self.thread.call(lambda: station.switch(fault, on=on))
        except KeyError:
            near = nearest(fault, station.faults)
            raise UsageError("lab.unknown-fault", found=fault, device=name, nearest=near) from None
        except OSError as error:
            raise _cannot_serve(name, station.endpoints, error) from None

    def clear(self, name: str) -> None:
        """Switch off every fault of a device."""
        for fault in self.station(name).active:
            self.fault(name, fault, on=False)

    def config_text(self) -> str:
        """Return a `supportctl.yaml` that names every device."""
        # A JSON text is a YAML text, so nothing here needs to be quoted by hand.
        site = {"id": self.scenario.site} | (
            {"phone_region": self.scenario.phone_region} if self.scenario.phone_region else {}
        )
        lines = [CONFIG_HEADER, f"site: {json.dumps(site)}\n", "targets:\n" if self._stations else ""]
        for device in self._stations:
            for name, url in self.targets(device).items():
                lines.append(
                    f"  - {{name: {json.dumps(name)}, url: {json.dumps(url, ensure_ascii=False)}}}\n"
                )
        return "".join(lines)

    def close(self) -> None:
        """Stop every device; may be called twice."""
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.thread.call(self._close)
        self.thread.stop()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the lab."""
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        """Stop, and say so if a simulated device crashed: the test that used it proved nothing."""
        self.close()
        if kind is None and self.thread.crashes:
            raise self.thread.crashes[0]

    def _open(self) -> None:
        for spec in self.scenario.devices:
            station = Station(spec.name, make_device(spec.protocol, spec.model), self.thread.loop)
            self._stations[spec.name] = station
            station.endpoints = list(self._endpoints(spec, station))
            try:
                for endpoint in station.endpoints:
                    endpoint.open()
                for fault in spec.faults:
                    station.switch(fault, on=True)
            except OSError as error:
                raise _cannot_serve(spec.name, station.endpoints, error, spec.port) from None

    def _endpoints(self, spec: DeviceSpec, station: Station) -> Iterable[Endpoint]:
        faults, loop = station.wire_faults, self.thread.loop
        for wire in spec.wires:
            if wire == TCP:
                yield TcpEndpoint(station, faults, loop, spec.port)
            elif wire == UDP:
                yield UdpEndpoint(station, faults, loop, spec.port, beside=lambda: _tcp_port(station))
            else:
                yield self._serial(spec, station)

    def _serial(self, spec: DeviceSpec, station: Station) -> Endpoint:
        try:
            from probes.lab.serve.openers import OpenWatcher
            from probes.lab.serve.serialline import SerialLine
        except ImportError:
            raise UsageError("lab.no-serial", device=spec.name) from None
        if self._watcher is None:
            self._watcher = OpenWatcher(self.thread.loop)
        if self._folder is None:
            self._folder = self._temporary = Path(tempfile.mkdtemp(prefix="supportctl-lab-"))
        path = self._folder / spec.name
        loop = self.thread.loop
        return SerialLine(station, station.wire_faults, loop, path, self._watcher, baud=spec.baud)

    def _close(self) -> None:
        for station in self._stations.values():
            for endpoint in station.endpoints:
                endpoint.close()
        if self._watcher is not None:
            self._watcher.close()


def _tcp_port(station: Station) -> int:
    """Return the port number that the device has on TCP, 0 if it has none."""
    return next((each.port for each in station.endpoints if isinstance(each, TcpEndpoint)), 0)


def _url_wire(station: Station, endpoint: Endpoint) -> str:
    """Return the wire in a URL: what runs over TCP may have a wire of its own there, as `http`."""
    own: str | None = getattr(station.device, "url_wire", None)
    return own if own is not None and endpoint.wire == TCP else endpoint.wire


def _cannot_serve(name: str, endpoints: Iterable[Endpoint], error: OSError, port: int = 0) -> UsageError:
    place = port or ", ".join(endpoint.address for endpoint in endpoints)
    if error.errno == errno.EADDRINUSE:
        return UsageError("lab.port-in-use", found=place, device=name)
    return UsageError("lab.cannot-serve", found=place, device=name, reason=error.strerror or error)
