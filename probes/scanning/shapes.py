"""The fixed forms of marking codes: what tells a lost separator and a cut end where a GS1 parser cannot."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from probes.scanning.separators import GS


class Shape(NamedTuple):
    """One form. `serial` is the length of AI 21, `tail` the AIs behind it with the length of their value."""

    serial: int
    tail: tuple[tuple[str, int], ...]
    group: str

    @property
    def length(self) -> int:
        """How many characters stand behind `21`, separators not counted."""
        return self.serial + sum(len(ai) + size for ai, size in self.tail)

    def places(self) -> list[tuple[int, str]]:
        """Return where each AI of the tail begins behind `21`, separators not counted."""
        found, at = [], self.serial
        for ai, size in self.tail:
            found.append((at, ai))
            at += len(ai) + size
        return found

    def whole(self, flat: str) -> str:
        """Return what stands behind `21` with its separators; `flat` is the same without them."""
        cuts = [0, *(at for at, _ in self.places()), len(flat)]
        return GS.join(flat[start:end] for start, end in pairwise(cuts))


@cache
def shapes() -> tuple[Shape, ...]:
    """Return every known form."""
    table = tomllib.loads(files("probes.scanning").joinpath("shapes.toml").read_text(encoding="utf-8"))
    return tuple(
        Shape(row["serial"], tuple((ai, size) for ai, size in row["tail"]), row["group"])
        for row in table["shape"]
    )


def serial_lengths() -> frozenset[int]:
    """Return the lengths that a serial number has in some form."""
    return frozenset(shape.serial for shape in shapes())


def fitting(rest: str) -> list[Shape]:
    """Return the forms that `rest`, all behind `21`, has but for lost separators."""
    flat, cuts = _flat(rest)
    return [
        shape
        for shape in shapes()
        if shape.length == len(flat)
        and all(flat.startswith(ai, at) for at, ai in shape.places())
        and cuts <= {at for at, _ in shape.places()}
    ]


def beginning(rest: str) -> list[Shape]:
    """Return the forms that `rest` is the beginning of, at least up to the first AI behind the serial."""
    flat, cuts = _flat(rest)
    found = []
    for shape in shapes():
        places = [(at, ai) for at, ai in shape.places() if at < len(flat)]
        begun = len(flat) >= shape.serial + 2 and len(flat) < shape.length
        if begun and all(ai.startswith(flat[at : at + len(ai)]) for at, ai in places):
            found += [shape] if cuts <= {at for at, _ in shape.places()} | {len(flat)} else []
    return found


def _flat(rest: str) -> tuple[str, set[int]]:
    """Return `rest` without separators, and where they were in what is left."""
    parts = rest.split(GS)
    cuts, at = set(), 0
    for part in parts[:-1]:
        at += len(part)
        cuts.add(at)
    return "".join(parts), cuts
