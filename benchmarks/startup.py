"""Start-up: `--version`, `--help` and the check of one healthy printer, beside `import click` alone."""

from __future__ import annotations

import sys

from measure import PYTHON, SUPPORTCTL, in_turn, run, tell_ratio

from probes.lab.apart import LabApart
from probes.lab.scenario import Scenario

ROUNDS = 25
IMPORT_CLICK = [PYTHON, "-c", "import click"]


def main() -> int:
    """Print three ratios; returns 1 if one misses its limit."""
    holds = []
    with LabApart(Scenario.many(1)) as lab:
        check = ["check", next(iter(lab.targets.values())), "--format", "json"]
        if run([SUPPORTCTL, *check]).code != 0:
            raise SystemExit("the lab's healthy printer is not reported healthy")
        for claim, words, limit in (
            ("supportctl --version", ["--version"], 1.5),
            ("supportctl --help", ["--help"], 1.5),
            ("check of one healthy printer", check, 2.5),
        ):
            times = in_turn(
                lambda words=words: run([SUPPORTCTL, *words]).seconds,
                lambda: run(IMPORT_CLICK).seconds,
                ROUNDS,
            )
            holds.append(tell_ratio(claim, times, limit, "import click"))
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
