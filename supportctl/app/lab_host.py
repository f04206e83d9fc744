"""A lab that other commands can find: its folder, its state, its control port, its configuration."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from probes.lab.lab import CONFIG_HEADER, Lab
from probes.lab.rundir import RunDir
from probes.lab.scenario import load_scenario
from probes.lab.serve.control import Answer, ControlDesk
from probes.lab.serve.tcp import TcpEndpoint
from probes.lab.wirefaults import WIRE_FAULTS, WireFaults
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from integrations.lab.house import PortalHouse
    from probes.lab.scenario import Scenario

SCHEMA = "supportctl.lab/1"
_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_WINDOWS_POLL_S = 0.5  # there a wait without an end does not hear Ctrl-C


class LabHost:
    """The lab of this process, inside `with`. `write_config` gets a copy of its configuration.

    Raises:
        UsageError: a lab runs already, the scenario is wrong, a port is in use, a file cannot be written.
    """

    def __init__(self, source: str | Path, write_config: Path | None = None) -> None:
        self._scenario = load_checked(source)
        self._write_config = write_config
        self._run_dir = RunDir()
        self._stopping = threading.Event()
        self._lab: Lab | None = None
        self._house: PortalHouse | None = None
        self._control: TcpEndpoint | None = None

    def __enter__(self) -> Self:
        """Start the devices, then say to others where they are."""
        if self._write_config is not None:
            _check_writable(self._write_config)
        self._hear_signals()  # before anybody can know of us: whoever does may end us at once
        self._run_dir.claim()
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop everything and leave nothing behind."""
        self._end()

    def document(self) -> Answer:
        """Return what the lab is, as `supportctl.lab/1`."""
        config = (self._write_config or self._run_dir.config).absolute()
        return {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "scenario": self._scenario.name,
            "config": str(config),
            "check": shlex.join(["supportctl", "--config", str(config), "check"]),
            "sync": self._sync_command(config),
            "devices": [self._device(name) for name in self._running().names],
            "portals": [self._portal(name) for name in (self._house.names if self._house else ())],
        }

    def wait(self) -> None:
        """Return when the lab shall end: Ctrl-C, a signal to end, or `lab down`."""
        every = _WINDOWS_POLL_S if os.name == "nt" else None
        while not self._stopping.wait(every):
            pass

    def _hear_signals(self) -> None:
        for name in _ENDING_SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, lambda *_: self._stopping.set())

    def _start(self) -> None:
        lab = self._lab = Lab(self._scenario, self._run_dir.ports)
        token = secrets.token_urlsafe(32)
        desk = ControlDesk(token, self._handle)
        control = self._control = TcpEndpoint(desk, WireFaults(), lab.thread.loop)
        lab.thread.call(control.open)
        text = lab.config_text()
        if self._scenario.portals:
            from integrations.lab.house import PortalHouse

            self._house = PortalHouse(self._scenario.portals, self._scenario.day)
            # a JSON text is a YAML text
            text += "".join(
                f"{section}: {json.dumps(entries, ensure_ascii=False)}\n"
                for section, entries in self._house.sections().items()
            )
        self._run_dir.config.write_text(text, encoding="utf-8")
        if self._write_config is not None:
            _write(self._write_config, text)
        # Last of all: whoever finds the state finds a lab that answers.
        self._run_dir.write_state({"pid": os.getpid(), "port": control.port, "token": token})

    def _end(self) -> None:
        if self._house is not None:
            self._house.close()
        if self._lab is not None:
            if self._control is not None:
                self._lab.thread.call(self._control.close)
            self._lab.close()
        self._run_dir.release()

    def _running(self) -> Lab:
        assert self._lab is not None, "inside `with` only"
        return self._lab

    def _handle(self, request: Mapping[str, Any]) -> Answer:
        """Answer a request of another process. `Any`: it is JSON that they wrote."""
        if request.get("do") == "down":
            self._stopping.set()
            return {"pid": os.getpid()}
        if request.get("do") == "fault":
            return self._switch(str(request.get("device")), request.get("fault"), on=bool(request.get("on")))
        return self.document()

    def _switch(self, name: str, fault: object, *, on: bool) -> Answer:
        lab, house = self._running(), self._house
        known = [*lab.names, *(house.names if house else ())]
        if name not in known:
            raise UsageError("lab.unknown-device", found=name, nearest=nearest(name, known))
        if house is not None and name in house.names:
            if fault is None:
                house.clear(name)
            else:
                house.switch(name, str(fault), on=on)
            return self._portal(name)
        if fault is None:
            lab.clear(name)
        else:
            lab.fault(name, str(fault), on=on)
        return self._device(name)

    def _portal(self, name: str) -> Answer:
        assert self._house is not None, "a scenario with portals only"
        portal, spec = self._house.portal(name), self._house.spec(name)
        return {
            "name": name,
            "kind": spec.kind,
            "section": spec.section,
            "url": self._house.url(name),
            "faults": [
                {"name": fault, "of": "portal", "active": fault in portal.active} for fault in portal.faults
            ],
        }

    def _sync_command(self, config: Path) -> str | None:
        """Return the command that compares the first telephony system with the first CRM."""
        first: dict[str, str] = {}
        for spec in self._scenario.portals:
            first.setdefault(spec.section, spec.name)
        if not {"telephony", "crm"} <= first.keys():
            return None
        words = ["sync", "check", "--source", first["telephony"], "--crm", first["crm"], "--since", "24h"]
        return shlex.join(["supportctl", "--config", str(config), *words])

    def _device(self, name: str) -> Answer:
        lab = self._running()
        station = lab.station(name)
        return {
            "name": name,
            "protocol": station.device.protocol,
            "targets": [{"name": target, "url": url} for target, url in lab.targets(name).items()],
            "faults": [
                {"name": fault, "of": _side(fault), "active": fault in station.active}
                for fault in station.faults
            ],
        }


def load_checked(source: str | Path) -> Scenario:
    """Return a scenario whose portals exist, too.

    Raises:
        UsageError: there is none, or it is wrong.
    """
    scenario = load_scenario(source)
    if scenario.portals:
        from integrations.lab.house import check_portals

        check_portals(scenario.portals)
    return scenario


def _side(fault: str) -> str:
    return "wire" if fault in WIRE_FAULTS else "device"


def _check_writable(path: Path) -> None:
    """A configuration that a person wrote is never overwritten."""
    try:
        with path.open(encoding="utf-8") as file:
            ours = file.read(len(CONFIG_HEADER)) == CONFIG_HEADER
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise UsageError("lab.config-exists", found=path)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError("lab.cannot-write", found=path, reason=error.strerror) from None
