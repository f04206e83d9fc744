"""A million calls against a million records of a CRM: each planted gap found, none invented, and the cost.

`sync_scale.py [CALLS]`; the beat is the time that json, the parser we use, takes for both files. The
named baseline is pandas with `merge_asof`, which only pairs by phone and nearest time: no ids, clocks, gaps.
Times are processor times of whole processes: other work on the machine is not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measure import PYTHON, run, tell
from sync_world import SINCE, UNTIL, World, write_world

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 1_000_000
SMALL = 10_000
ROUNDS = 3
LIMIT_RATIO, LIMIT_MB, LIMIT_GROWTH = 3.0, 600, 1.5


def main() -> int:
    """Print the figures; returns 1 if one misses its limit."""
    if len(sys.argv) > 3:
        return child(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with TemporaryDirectory(prefix="supportctl-bench-") as folder:
        return 0 if all([*figures(Path(folder), count)]) else 1


def figures(folder: Path, count: int) -> Iterator[bool]:
    """Measure whole processes and yield whether each limit holds."""
    for name in ("large", "small"):
        (folder / name).mkdir()
    # written by children: what this process has needed would be counted as theirs
    world, found = written(folder / "large", count), folder / "found.txt"
    pairs = [
        (run(command("compare", world, found)), run(command("parse", world, found))) for _ in range(ROUNDS)
    ]
    yield exact(world, found)
    ratio = statistics.median(ours.processor_s / parse.processor_s for ours, parse in pairs)
    ours, parse = sorted(pairs, key=lambda pair: pair[0].processor_s)[len(pairs) // 2]
    beat = parse.processor_s
    measured = f"{ratio:5.2f} x  ({ours.processor_s:.1f} s, json {beat:.1f} s)"
    yield tell(
        f"{count:,} calls, beside parsing both files",
        measured,
        f"{LIMIT_RATIO} x",
        holds=ratio <= LIMIT_RATIO,
    )
    yield tell("peak memory", f"{ours.peak_mb:5.0f} MB", f"{LIMIT_MB} MB", holds=ours.peak_mb < LIMIT_MB)
    pandas = run(command("pandas", world, found))
    print(
        f"        beside pandas merge_asof (pairs only): {ours.processor_s / pandas.processor_s:.2f} x  "
        f"({pandas.processor_s:.1f} s, {pandas.peak_mb:.0f} MB)"
    )
    small = written(folder / "small", SMALL)
    costs = [run(command("compare", small, found)).processor_s for _ in range(3)]
    empty = min(run(command("empty", small, found)).processor_s for _ in range(3))
    growth = ((ours.processor_s - empty) / count) / ((min(costs) - empty) / SMALL)
    each = [(min(costs) - empty) / SMALL * 1e6, (ours.processor_s - empty) / count * 1e6]
    measured = f"{growth:5.2f} x  a call ({each[0]:.1f} us -> {each[1]:.1f} us)"
    yield tell(f"growth {SMALL:,} -> {count:,}", measured, f"{LIMIT_GROWTH} x", holds=growth <= LIMIT_GROWTH)


def written(folder: Path, count: int) -> World:
    """Return the files of `count` calls."""
    run([*command("write", world_in(folder), folder), str(count)])
    return world_in(folder)


def world_in(folder: Path) -> World:
    """Return where the files of a folder are."""
    return World(folder / "calls.jsonl", folder / "records.jsonl", folder / "truth.txt")


def command(what: str, world: World, found: Path) -> list[str]:
    """Return the child process for one measurement."""
    return [
        PYTHON,
        os.fspath(Path(__file__).resolve()),
        what,
        os.fspath(world.calls.parent),
        os.fspath(found),
    ]


def exact(world: World, found: Path) -> bool:
    """Return whether the gaps that were found are those that were planted."""
    planted = Counter(world.truth.read_text(encoding="utf-8").splitlines())
    told = Counter(found.read_text(encoding="utf-8").splitlines())
    missed, invented = planted - told, told - planted
    for name, lines in (("missed", missed), ("invented", invented)):
        for line in list(lines)[:5]:
            print(f"        {name}: {line}")
    kinds = Counter(line.partition(" ")[0] for line in planted)
    print(
        "        planted: "
        + ", ".join(f"{kind.partition('.')[2]} {n:,}" for kind, n in sorted(kinds.items()))
    )
    measured = f"{planted.total():,} planted, {missed.total()} missed, {invented.total()} invented"
    return tell("gaps", measured, "0, 0", holds=not missed and not invented)


def child(what: str, folder: Path, found: Path, count: int = 0) -> int:
    """Do one measured piece of work in this process."""
    world = world_in(folder)
    if what == "write":
        write_world(folder, count)
    elif what == "parse":
        for path in (world.calls, world.records):
            with path.open(encoding="utf-8") as file:
                for line in file:
                    json.loads(line)
    elif what == "compare":
        compare(world, found)
    elif what == "pandas":
        merge_asof(world)
    elif what == "empty":
        from integrations.sync import compare as _  # noqa: F401  what starting costs
        from supportctl.core.sync_settings import SyncSettings as _Settings  # noqa: F401
    return 0


def compare(world: World, found: Path) -> None:
    """Compare as `sync check` does, and write down every gap."""
    from integrations.crm.reader import CrmCall, Employee
    from integrations.sync.compare import Comparison
    from integrations.sync.model import Window
    from supportctl.core.call import Call
    from supportctl.core.sync_settings import SyncSettings

    parsed = datetime.fromisoformat

    def calls() -> Iterator[Call]:
        with world.calls.open(encoding="utf-8") as file:
            for line in file:
                d = json.loads(line)
                yield Call(
                    d["call_id"], d["source"], d["direction"], parsed(d["started_at"]), d["duration_s"],
                    d["contact_phone"], d["answered"], d["wait_s"], d["line"], d["employee"],
                    d["recording_url"], tuple(d["tags"]),
                )  # fmt: skip

    def records() -> Iterator[CrmCall]:
        with world.records.open(encoding="utf-8") as file:
            for line in file:
                d = json.loads(line)
                yield CrmCall(
                    d["record_id"], parsed(d["started_at"]), d["phone"], d["direction"], d["external_id"],
                    d["duration_s"], d["line"], d["employee"], d["contact"], d["recording"],
                    d["recording_url"], parsed(d["created_at"]), d["link"],
                )  # fmt: skip

    employees = [Employee(str(number), f"Employee {number}", str(number)) for number in range(100, 120)]
    window = Window(SINCE, UNTIL)
    with (
        Comparison(window, SyncSettings(), UNTIL + timedelta(days=1), employees=employees) as comparison,
        found.open("w", encoding="utf-8") as file,
    ):
        comparison.take_calls(calls())
        comparison.take_records(records())
        for gap in comparison.result().gaps:
            whose = gap.call.call_id if gap.call else gap.crm.record_id if gap.crm else ""
            file.write(f"{gap.code} {whose}\n")


def merge_asof(world: World) -> None:
    """Pair by phone and nearest time, as one would with pandas."""
    import pandas as pd

    frames = []
    for path, times in ((world.calls, ["started_at"]), (world.records, ["started_at"])):
        frame = pd.read_json(path, lines=True, dtype=False, convert_dates=False)
        for name in times:
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
        frames.append(frame.sort_values("started_at"))
    calls, records = frames
    calls["phone"] = calls["contact_phone"]
    both = pd.merge_asof(
        calls, records, on="started_at", by=["phone", "direction"], direction="nearest",
        tolerance=pd.Timedelta(seconds=77),
    )  # fmt: skip
    print(int(both["record_id"].isna().sum()))


if __name__ == "__main__":
    sys.exit(main())
