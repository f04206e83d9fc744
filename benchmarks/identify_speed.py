"""identify at an unknown speed, beside the time that the bytes and the device's answers need on its line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from measure import tell

from probes.discovery.identifiers import SPEEDS
from probes.discovery.identify import Wires, identify
from probes.lab.apart import LabApart
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.links.serialport import retune
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from probes.discovery.identity import Identity

LIMIT = 2.0
ROUNDS = 3
_BITS = 10  # a byte on the line
_QUESTION = 4 * _BITS  # three bytes and an answer of one
CLOCK = SystemClock()


def main() -> int:
    """Print the ratio over ten speeds; returns 1 if it misses its limit."""
    devices = tuple(DeviceSpec(f"at-{speed}", "escpos", ("serial",), baud=speed) for speed in SPEEDS)
    spent: dict[int, float] = dict.fromkeys(SPEEDS, 0.0)
    needed: dict[int, float] = dict.fromkeys(SPEEDS, 0.0)
    with LabApart(Scenario("speeds", devices)) as lab:
        for number, speed in enumerate(SPEEDS, 1):
            target = parse_target(lab.targets[f"at-{speed}"].partition("?")[0].removeprefix("escpos+"))
            for counted in range(ROUNDS + 1):
                begun = CLOCK.monotonic()
                found = identify(target, Wires(open_link, retune), Deadline.after(30, CLOCK), CLOCK)
                seconds = CLOCK.monotonic() - begun
                if found.settings != f"{speed} 8N1":
                    raise SystemExit(f"at {speed}: {found}")
                if counted:  # the first one warms the caches
                    spent[speed] += seconds
                    # one question at each speed up to the right one, and there all that was answered
                    needed[speed] += sum(_QUESTION / slower for slower in SPEEDS[: number - 1])
                    needed[speed] += _answered_bytes(found) * _BITS / speed
    ratio = sum(spent.values()) / sum(needed.values())
    worst = max(SPEEDS, key=lambda speed: spent[speed] / needed[speed])
    milliseconds = sum(spent.values()) / ROUNDS / len(SPEEDS) * 1000
    measured = (
        f"{ratio:5.2f} x  ({milliseconds:.0f} ms; worst {spent[worst] / needed[worst]:.2f} x at {worst})"
    )
    holds = tell("identify at one of ten unknown speeds", measured, f"{LIMIT} x", holds=ratio <= LIMIT)
    return 0 if holds else 1


def _answered_bytes(found: Identity) -> int:
    return sum(len(item.sent + item.got) // 2 for item in found.evidence)


if __name__ == "__main__":
    sys.exit(main())
