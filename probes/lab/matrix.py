"""The fault matrix: every device of the lab with every fault, alone and in pairs.

What is right stands in `benchmarks/fault_matrix.yaml`, written from the vendors' documents and
docs/contract.md, not from what the probes read. Here the cases are made of it, put to a check (handed in: the
lab does not know the application), and judged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from probes.lab.catalogue import DEVICES, make_device
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.lab.wirefaults import SINGLE_CLIENT, wire_faults
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from probes.lab.device import Device

HEALTHY = "healthy"
_LAB_SIZE = 60  # devices that are on at once: each has a socket or a pseudo-terminal


class Expected(NamedTuple):
    """What a fault should be called: one of `codes`; `quiet`: or nothing at all.

    `beside` may be told too: what the same thing means under another name.
    """

    codes: frozenset[str]
    quiet: bool
    beside: frozenset[str]


class Case(NamedTuple):
    """One device in one state. `settings` is what the configuration expects of it."""

    kind: str
    protocol: str
    model: str | None
    wire: str
    options: str
    account: str
    faults: tuple[str, ...]
    expected: tuple[Expected, ...]
    reads: tuple[str, ...]
    settings: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind} on {self.wire}: {' + '.join(self.faults) or HEALTHY}"


class Told(NamedTuple):
    """What a check said: the codes of its problems, the first one first, and the seconds that it took."""

    problems: tuple[str, ...]
    seconds: float


class Outcome(NamedTuple):
    """A case and what became of it. `foreign` are opcodes that only read commands would not be."""

    case: Case
    told: Told
    foreign: tuple[str, ...]

    @property
    def named(self) -> bool:
        """Whether every cause is named, and for one fault whether it is named first."""
        told = self.told.problems
        if len(self.case.expected) == 1:
            expected = self.case.expected[0]
            cause = expected.codes or expected.beside
            return told[0] in cause if told else expected.quiet
        return all(expected.quiet or expected.codes & set(told) for expected in self.case.expected)

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Problems that nothing in the device's state explains."""
        known = frozenset[str]().union(*(e.codes | e.beside for e in self.case.expected))
        return tuple(code for code in self.told.problems if code not in known)

    @property
    def right(self) -> bool:
        """Whether the check said what it should, and nothing else."""
        return self.named and not self.false_alarms


class Matrix:
    """The expectations of one file."""

    def __init__(self, path: Path) -> None:
        loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self._wire: dict[str, dict[str, str]] = loaded["wire"]
        self._kinds: dict[str, dict[str, Any]] = loaded["devices"]

    @property
    def protocols(self) -> frozenset[str]:
        """The protocols of the lab that have expectations."""
        return frozenset(str(row.get("protocol", kind)) for kind, row in self._kinds.items())

    def missing(self) -> list[str]:
        """Return the faults of the lab without an expectation, and expectations without a fault."""
        loose = [f"{protocol}: is not in the matrix" for protocol in sorted(DEVICES.keys() - self.protocols)]
        for kind, row in self._kinds.items():
            if row.get("protocol", kind) not in DEVICES:
                loose.append(f"{kind}: the lab has no such device")
                continue
            device = make_device(row.get("protocol", kind), row.get("model"))
            known = device.faults - set(row.get("not_here", ()))
            loose += [f"{kind}: {name} is expected nothing of" for name in sorted(known - set(row["faults"]))]
            loose += [f"{kind}: has no fault {name}" for name in sorted(set(row["faults"]) - device.faults)]
        return loose

    def healthy(self) -> list[Case]:
        """Return every device without a fault, on each of its wires."""
        return [self._case(kind, wire) for kind, row in self._kinds.items() for wire in row["wires"]]

    def single(self) -> list[Case]:
        """Return every device with each of its faults (on its first wire), and each wire with each of its."""
        cases = []
        for kind, row in self._kinds.items():
            on = row.get("only_on", {})
            cases += [self._case(kind, on.get(fault, row["wires"][0]), fault) for fault in row["faults"]]
            for wire in row["wires"]:
                cases += [self._case(kind, wire, fault) for fault in wire_faults(frozenset({wire}))]
        return cases

    def pairs(self) -> list[Case]:
        """Return every device with every two of the faults that it can have together."""
        cases = []
        for kind, row in self._kinds.items():
            apart = [set(group) for group in row.get("apart", ())]
            cases += [
                self._case(kind, row["wires"][0], *two)
                for two in combinations(row.get("together", ()), 2)
                if not any(set(two) <= group for group in apart)
            ]
        return cases

    def _case(self, kind: str, wire: str, *faults: str) -> Case:
        row = self._kinds[kind]
        settings: dict[str, str] = {}
        for fault in faults:
            settings |= row.get("expect", {}).get(fault, {})
        return Case(
            kind=kind,
            protocol=row.get("protocol", kind),
            model=row.get("model"),
            wire=wire,
            options=row.get("options", {}).get(wire, ""),
            account=row.get("account", ""),
            faults=faults,
            expected=tuple(self._expected(row, wire, fault) for fault in faults),
            reads=tuple(row["reads"]),
            settings=settings,
        )

    def _expected(self, row: Mapping[str, Any], wire: str, fault: str) -> Expected:
        own = {**row["faults"], **row.get("wire", {}), **row.get(f"wire_{wire}", {})}
        text = own[fault] if fault in own else self._wire[wire][fault]
        words = str(text).split()
        codes = frozenset(words[0].split("|"))
        beside = frozenset(word.removeprefix("+") for word in words[1:])
        return Expected(codes - {HEALTHY}, HEALTHY in codes, beside)


def run(cases: Sequence[Case], check: Callable[[Case, str], Told], *, workers: int = 12) -> Iterator[Outcome]:
    """Yield the outcome of each case, in order; `check` is given a case and the URL of its device."""
    for start in range(0, len(cases), _LAB_SIZE):
        part = cases[start : start + _LAB_SIZE]
        with ExitStack() as stack:
            lab = stack.enter_context(Lab(Scenario("matrix", tuple(_specs(part)))))
            urls = [_url(lab, number, case) for number, case in enumerate(part)]
            for case, url in zip(part, urls, strict=True):
                if SINGLE_CLIENT in case.faults:
                    clock = SystemClock()
                    address = url.partition("://")[2].partition("?")[0]
                    first = open_link(parse_target(f"tcp://{address}"), Deadline.after(5, clock))
                    stack.callback(first.close)
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            for number, (case, told) in enumerate(zip(part, pool.map(check, part, urls), strict=True)):
                yield judged(case, told, lab.device(_name(number)))


def judged(case: Case, told: Told, device: Device) -> Outcome:
    """Return the outcome of a case whose device was asked."""
    return Outcome(case, told, _foreign(device.opcodes, device.writes, case.reads))


def _specs(cases: Iterable[Case]) -> Iterator[DeviceSpec]:
    for number, case in enumerate(cases):
        yield DeviceSpec(_name(number), case.protocol, (case.wire,), model=case.model, faults=case.faults)


def _name(number: int) -> str:
    return f"device-{number}"


def _url(lab: Lab, number: int, case: Case) -> str:
    url = lab.url(_name(number))
    if case.account:
        url = url.replace("://", f"://{case.account}@")
    return f"{url}?{case.options}" if case.options else url


def _foreign(opcodes: Iterable[str], writes: Iterable[str], reads: Sequence[str]) -> tuple[str, ...]:
    known = {opcode for opcode in set(opcodes) if any(fnmatchcase(opcode, read) for read in reads)}
    return (*sorted(set(opcodes) - known), *(f"write: {write}" for write in sorted(set(writes))))
