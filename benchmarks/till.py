"""A till with eight devices and the services it talks to: its check ends with its slowest device.

The lab is another process. "Slowest device" is the device whose check alone takes longest, as a whole process
each: what is compared is what a person waits for.
"""

from __future__ import annotations

import statistics
import sys

from measure import SUPPORTCTL, in_turn, run, tell, tell_ratio

from probes.lab.apart import LabApart

LIMIT = 1.2
SERVICES = {"utm", "marking", "operator", "register-driver", "telephone-exchange"}
ROUNDS, LOOKS = 7, 3


def main() -> int:
    """Print the figures; returns 1 if one misses its limit."""
    with LabApart("till") as lab:
        alone = {name: seconds(url) for name, url in lab.targets.items()}
        for name, took in sorted(alone.items(), key=lambda item: -item[1]):
            print(f"    {name:<20} {took * 1000:7.0f} ms alone")
        slowest = max(alone, key=lambda name: alone[name])
        devices = len(lab.targets) - len(SERVICES)
        urls, one = list(lab.targets.values()), lab.targets[slowest]
        if run([SUPPORTCTL, "check", *urls]).code:
            raise SystemExit("the lab's healthy till is not reported healthy")
        times = in_turn(
            lambda: run([SUPPORTCTL, "check", *urls]).seconds,
            lambda: run([SUPPORTCTL, "check", one]).seconds,
            ROUNDS,
        )
        held = tell_ratio(f"{devices} devices, {len(SERVICES)} services", times, LIMIT, slowest)
        counted = tell("devices of the till", str(devices), ">= 8", holds=devices >= 8)
    return 0 if held and counted else 1


def seconds(url: str) -> float:
    """Return how long the check of one target takes, as a whole process."""
    return statistics.median(run([SUPPORTCTL, "check", url]).seconds for _ in range(LOOKS))


if __name__ == "__main__":
    sys.exit(main())
