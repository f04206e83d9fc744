"""How the benchmarks measure: whole processes in turn (A B A B …), medians, and a ratio beside its limit."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SUPPORTCTL = str(BIN / "supportctl")
PYTHON = sys.executable


@dataclass(frozen=True)
class Run:
    """One finished process: wall seconds, peak memory in MB, exit code, seconds of processor time."""

    seconds: float
    peak_mb: float
    code: int
    processor_s: float


def run(command: Sequence[str]) -> Run:
    """Run a whole process without output and return what it cost by the operating system's account."""
    started = time.perf_counter()
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        time.perf_counter() - started,
        usage.ru_maxrss / 1024,
        child.returncode,
        usage.ru_utime + usage.ru_stime,
    )


def in_turn(
    first: Callable[[], float], second: Callable[[], float], rounds: int
) -> tuple[float, float, float]:
    """Return the medians of both and the median of the ratios pair by pair: the machine's speed may drift."""
    first(), second()  # warm the caches, uncounted
    pairs = [(first(), second()) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def tell(claim: str, measured: str, limit: str, *, holds: bool) -> bool:
    """Print one line of the table and return whether the claim holds."""
    print(f"{'holds ' if holds else 'MISSED'}  {claim:<46} {measured:<52} limit {limit}", flush=True)
    return holds


def tell_ratio(claim: str, times: tuple[float, float, float], limit: float, peer_name: str) -> bool:
    """Print what `in_turn` returned (our time and the peer's in seconds, their ratio) beside its limit."""
    ours, peer, ratio = times
    measured = f"{ratio:5.2f} x  ({ours * 1000:.1f} ms, {peer_name} {peer * 1000:.1f} ms)"
    return tell(claim, measured, f"{limit} x", holds=ratio <= limit)
