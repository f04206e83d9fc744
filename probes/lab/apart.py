"""A lab in a process of its own, so that a benchmark measures its client alone.

    with LabApart(Scenario.many(100, dead=10)) as lab:
        measure(lab.targets)

The process ends with its standard input: it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Self

from probes.lab.scenario import DeviceSpec, Scenario, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

_END_S = 10.0


class LabApart:
    """A lab in another process; `targets` maps names to URLs, `pid` is the process."""

    def __init__(self, source: str | Path | Scenario) -> None:
        scenario = source if isinstance(source, Scenario) else load_scenario(source)
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.pid = self._process.pid
        try:
            self._pipe("stdin").write(json.dumps(asdict(scenario)) + "\n")
            self._pipe("stdin").flush()
            self.targets: dict[str, str] = json.loads(self._pipe("stdout").readline() or "null") or {}
            if not self.targets:
                raise RuntimeError("the lab's process has ended; its standard error says why")
        except BaseException:
            self.close()
            raise

    def url(self, name: str) -> str:
        """Return a target's URL."""
        return self.targets[name]

    def fault(self, name: str, fault: str, *, on: bool = True) -> None:
        """Switch a fault; returns when it is done."""
        self._pipe("stdin").write(json.dumps([name, fault, on]) + "\n")
        self._pipe("stdin").flush()
        answer = self._pipe("stdout").readline().strip()
        if answer != "ok":
            raise ValueError(answer)

    def close(self) -> None:
        """End the process; may be called twice."""
        for name in ("stdin", "stdout"):
            self._pipe(name).close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Return the lab."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process."""
        self.close()

    def _pipe(self, name: str) -> IO[str]:
        pipe: IO[str] = getattr(self._process, name)
        return pipe


def serve() -> None:
    """Run the lab that standard input describes until standard input ends; the other side of `LabApart`."""
    from probes.lab.lab import Lab

    given: dict[str, Any] = json.loads(sys.stdin.readline())
    devices = tuple(DeviceSpec(**{**spec, "wires": tuple(spec["wires"])}) for spec in given["devices"])
    with Lab(Scenario(given["name"], devices, given["site"])) as lab:
        _answer(json.dumps({name: url for device in lab.names for name, url in lab.targets(device).items()}))
        for line in sys.stdin:
            name, fault, on = json.loads(line)
            try:
                lab.fault(name, fault, on=on)
            except Exception as error:  # noqa: BLE001  told to the other side
                _answer(f"{type(error).__name__}: {error}")
            else:
                _answer("ok")


def _answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
