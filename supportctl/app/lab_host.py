"""A lab that other commands can find: its folder, its state, its control port, its configuration."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = "supportctl.lab/1"
_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_WINDOWS_POLL_S = 0.5  # there a wait without an end does not hear Ctrl-C


class LabHost:
    """The lab of this process, inside `with`. `write_config` gets a copy of its configuration.

    Raises:
        UsageError: a lab runs already, the scenario is wrong, a port is in use, a file cannot be written.
    """

    def __init__(self, source: str | Path, write_config: Path | None = None) -> None:
        self._scenario = load_scenario(source)
        self._write_config = write_config
        self._run_dir = RunDir()
        self._stopping = threading.Event()
        self._lab: Lab | None = None
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
            "devices": [self._device(name) for name in self._running().names],
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
        self._run_dir.config.write_text(text, encoding="utf-8")
        if self._write_config is not None:
            _write(self._write_config, text)
        # Last of all: whoever finds the state finds a lab that answers.
        self._run_dir.write_state({"pid": os.getpid(), "port": control.port, "token": token})

    def _end(self) -> None:
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

    def _switch(self, device: str, fault: object, *, on: bool) -> Answer:
        if fault is None:
            self._running().clear(device)
        else:
            self._running().fault(device, str(fault), on=on)
        return self._device(device)

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
