"""A till with eight devices and the services it talks to: its check ends with its slowest device.

The lab is another process. What is compared is what a person waits for: whole processes, all targets at once
beside the slowest of the three devices that take longest alone.
"""

from __future__ import annotations

import statistics
import sys

from measure import SUPPORTCTL, in_turn, run, tell, tell_ratio

from probes.lab.apart import LabApart

LIMIT = 1.2
SERVICES = {"utm", "marking", "operator", "register-driver", "telephone-exchange"}
ROUNDS, LOOKS, SLOW_ONES = 9, 3, 3


def main() -> int:
    """Print the figures; returns 1 if one misses its limit."""
    with LabApart("till") as lab:
        urls = list(lab.targets.values())
        if run([SUPPORTCTL, "check", *urls]).code:
            raise SystemExit("the lab's healthy till is not reported healthy")
        alone = {
            name: statistics.median(seconds(url) for _ in range(LOOKS)) for name, url in lab.targets.items()
        }
        slowest = sorted(alone, key=lambda name: -alone[name])
        for name in slowest:
            print(f"    {name:<20} {alone[name] * 1000:7.0f} ms alone")
        slow = [lab.targets[name] for name in slowest[:SLOW_ONES]]
        times = in_turn(lambda: seconds(*urls), lambda: max(seconds(url) for url in slow), ROUNDS)
        devices = len(urls) - len(SERVICES)
        claim = f"{devices} devices, {len(SERVICES)} services"
        held = tell_ratio(claim, times, LIMIT, "the slowest alone")
        counted = tell("devices of the till", str(devices), ">= 8", holds=devices >= 8)
    return 0 if held and counted else 1


def seconds(*urls: str) -> float:
    """Return how long the check of these targets takes, as a whole process."""
    return run([SUPPORTCTL, "check", *urls]).seconds


if __name__ == "__main__":
    sys.exit(main())
