"""Portals in a process of their own, so that a benchmark measures its client alone.

    with HouseApart([Wanted("acme", "bitrix24", "crm")], day="gaps") as house:
        measure(house.sections)

The process ends with its standard input: it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any, Self

from integrations.lab.house import PortalHouse, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

_END_S = 10.0


class HouseApart:
    """A `PortalHouse` in another process; `sections` is what its configuration says. `Any`: YAML."""

    def __init__(self, specs: Iterable[Wanted], day: str = "none") -> None:
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.pid = self._process.pid
        try:
            self._say({"portals": [spec._asdict() for spec in specs], "day": day})
            answer: dict[str, Any] = json.loads(self._pipe("stdout").readline() or "null") or {}
            if not answer:
                raise RuntimeError("the portals' process has ended; its standard error says why")
            self.sections: dict[str, dict[str, Any]] = answer["sections"]
            self.planted: tuple[tuple[str, str], ...] = tuple(map(tuple, answer["planted"]))
        except BaseException:
            self.close()
            raise

    def switch(self, name: str, fault: str, *, on: bool = True) -> None:
        """Switch a fault; returns when it is done.

        Raises:
            ValueError: there is no such portal or fault.
        """
        self._say([name, fault, on])
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
        """Return the house."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process."""
        self.close()

    def _say(self, words: object) -> None:
        self._pipe("stdin").write(json.dumps(words) + "\n")
        self._pipe("stdin").flush()

    def _pipe(self, name: str) -> IO[str]:
        pipe: IO[str] = getattr(self._process, name)
        return pipe


def serve() -> None:
    """Run the portals that standard input describes until it ends; the other side of `HouseApart`."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    specs = [Wanted(**{**spec, "faults": tuple(spec["faults"])}) for spec in given["portals"]]
    with PortalHouse(specs, given["day"]) as house:
        planted = [list(gap) for gap in house.day.planted] if house.day else []
        _answer(json.dumps({"sections": house.sections(), "planted": planted}))
        for line in sys.stdin:
            name, fault, on = json.loads(line)
            try:
                house.switch(name, fault, on=on)
            except Exception as error:  # noqa: BLE001  told to the other side
                _answer(f"{type(error).__name__}: {error}")
            else:
                _answer("ok")


def _answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
