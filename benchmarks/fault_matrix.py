"""The fault matrix: does `check` name the cause first, does it cry wolf, and how long does it take?

    benchmarks/fault_matrix.py [KIND...] [--list]     KIND: only these devices of fault_matrix.yaml

Every device of the lab with every fault of its own and of its wires, every two faults that can be at once,
and every healthy device. What is right: `fault_matrix.yaml`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from measure import tell

from probes.lab.matrix import Matrix, Told, run
from supportctl.app.check import CheckRequest, run_check
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.lab.matrix import Case, Outcome

EXPECTATIONS = Path(__file__).with_name("fault_matrix.yaml")
PROBLEMS = {Status.FAULT, Status.UNKNOWN, Status.WARNING}
SINGLE_MIN, PAIRS_MIN, PAIRS_NAMED_MIN = 150, 40, 0.95


def checker(folder: Path) -> Callable[[Case, str], Told]:
    """Return the real check, for one device; its configuration is written into `folder`."""

    def check(case: Case, url: str) -> Told:
        config = folder / f"{abs(hash((str(case), url)))}.yaml"
        entry = {"name": "device", "url": url, "expect": dict(case.settings)}
        config.write_text(json.dumps({"targets": [entry]}), encoding="utf-8")
        started = time.perf_counter()
        report = run_check(CheckRequest(targets=("device",), config=config))
        seconds = time.perf_counter() - started
        return Told(tuple(f.code for f in report.findings if f.status in PROBLEMS), seconds)

    return check


def main(words: list[str]) -> int:
    """Print the figures; returns 1 if one misses its limit."""
    matrix, kinds = Matrix(EXPECTATIONS), {word for word in words if not word.startswith("-")}
    parts = {"healthy": matrix.healthy(), "single": matrix.single(), "pairs": matrix.pairs()}
    found: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="supportctl-matrix-") as folder:
        for part, cases in parts.items():
            asked = [case for case in cases if not kinds or case.kind in kinds]
            found[part] = list(run(asked, checker(Path(folder))))
    for outcome in (o for outcomes in found.values() for o in outcomes):
        if "--list" in words or not outcome.right or outcome.foreign:
            expected = " + ".join("|".join(sorted(e.codes)) or "healthy" for e in outcome.case.expected)
            said = ", ".join(outcome.told.problems) or "healthy"
            mark = "right" if outcome.right and not outcome.foreign else "WRONG"
            print(f"{mark}  {outcome.case}: {said}; expected: {expected or 'healthy'}", *outcome.foreign)
    times(found)
    return 0 if all(figures(found, matrix, whole=not kinds)) else 1


def times(found: dict[str, list[Outcome]]) -> None:
    """Print how long the answers took, by device: those that came and those that had to be waited for."""
    rows: dict[str, list[float]] = defaultdict(list)
    for outcome in (o for outcomes in found.values() for o in outcomes):
        rows[outcome.case.kind].append(outcome.told.seconds)
        rows["all"].append(outcome.told.seconds)
    print(f"{'device':<14} {'checks':>6} {'median':>9} {'p95':>9} {'longest':>9}")
    for kind, seconds in rows.items():
        p95 = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        spread = (statistics.median(seconds), p95, max(seconds))
        print(f"{kind:<14} {len(seconds):>6}", *(f"{value:>7.2f} s" for value in spread))


def figures(found: dict[str, list[Outcome]], matrix: Matrix, *, whole: bool) -> list[bool]:
    """Print the claims beside their limits."""
    single, pairs, healthy = found["single"], found["pairs"], found["healthy"]
    everything = [*single, *pairs, *healthy]
    named = sum(o.named for o in pairs)
    alarms = sum(bool(o.false_alarms) for o in everything)
    foreign = sum(bool(o.foreign) for o in everything)
    missing = matrix.missing()
    print(*missing, sep="\n")
    rows = [
        tell("one fault: the first finding is its cause", ratio([o.named for o in single]), "100 %",
             holds=all(o.named for o in single)),
        tell("two faults: both are named", ratio([o.named for o in pairs]), "95 %",
             holds=named >= PAIRS_NAMED_MIN * len(pairs)),
        tell("healthy devices are called healthy", ratio([o.right for o in healthy]), "100 %",
             holds=all(o.right for o in healthy)),
        tell("false alarms, over all", f"{alarms} of {len(everything)}", "0", holds=not alarms),
        tell("devices that were sent more than reads", f"{foreign} of {len(everything)}", "0",
             holds=not foreign),
    ]  # fmt: skip
    if whole:
        rows += [
            tell("pairs of device and fault", str(len(single)), f">= {SINGLE_MIN}",
                 holds=len(single) >= SINGLE_MIN),
            tell("pairs of two faults at once", str(len(pairs)), f">= {PAIRS_MIN}",
                 holds=len(pairs) >= PAIRS_MIN),
            tell("faults of the lab without an expectation", str(len(missing)), "0", holds=not missing),
        ]  # fmt: skip
    return rows


def ratio(verdicts: list[bool]) -> str:
    """Return "n of m (p %)"."""
    return f"{sum(verdicts)} of {len(verdicts)} ({100 * sum(verdicts) / max(1, len(verdicts)):.1f} %)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
