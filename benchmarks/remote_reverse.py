"""The reverse way through a real sshd: first answer, round trip, a line that is cut and comes back.

    python benchmarks/remote_reverse.py [--requests 10000] [--cuts 100]

Needs root and OpenSSH's server (it signs in two users). Everything is on loopback.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import threading
import time
from typing import Any

from measure import ROOT, tell

sys.path.insert(0, str(ROOT / "tests/support"))
from bastions import Sshd
from reverse_way import Shared

from supportctl.core.clock import SystemClock
from supportctl.remote.client import Client
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.reconnect import Reconnect
from supportctl.remote.reverse.desk import line_name
from supportctl.remote.server import Server

FIRST_S, BACK_S = 0.5, 1.0
HELLO = Hello(PROTOCOL, "bench", "", "T-1", ("observe",))


class Open:
    """Allows all and tells nobody."""

    def allows(self, _wanted: object, _call: object) -> bool:
        """Return yes."""
        return True

    def told(self, _method: str, _params: object, _outcome: str) -> None:
        """Say nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--cuts", type=int, default=100)
    chosen = parser.parse_args()
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or os.geteuid():
        raise SystemExit("root and an sshd: apt-get install openssh-server")
    sshd = Sshd(program, ports=4)
    try:
        result = measure(sshd, chosen.requests, chosen.cuts)
    finally:
        sshd.remove()
    return 0 if told(result, chosen.requests) else 1


def told(result: dict[str, Any], requests: int) -> bool:
    """Print the table; return whether every limit holds."""
    first, back = result["first_answer_s"], result["back_after_a_cut_s"]
    firsts = f"{first:.2f} s (worst {result['first_answer_worst_s']:.2f} s)"
    wrong, cuts = (result["lost"], result["repeated"]), result["cuts"]
    trip = f"{result['round_trip_ms']:.2f} ms, 99 in 100 below {result['round_trip_p99_ms']:.2f} ms"
    return all((
        tell("first answer of a reverse session", firsts, f"{FIRST_S} s", holds=first < FIRST_S),
        tell("round trip through the bastion", trip, "none", holds=True),
        tell("service is back after a cut", f"{back:.2f} s (worst of {result['outages_seen']}: "
             f"{result['back_after_a_cut_worst_s']:.2f} s)", f"{BACK_S} s", holds=back < BACK_S),
        tell(f"{requests:,} requests, {cuts} cuts: lost, repeated", f"{wrong[0]}, {wrong[1]} "
             f"(in {result['whole_run_s']:.0f} s)", "0, 0", holds=wrong == (0, 0)),
    ))  # fmt: skip


def measure(sshd: Sshd, requests: int, cuts: int) -> dict[str, Any]:
    clock, done, lock = SystemClock(), {}, threading.Lock()

    def work(params: Any, _call: object) -> dict[str, object]:
        with lock:
            done[params["target"]] = done.get(params["target"], 0) + 1
        return {"is": params["target"]}

    def serve(link: Any, session: Any, _staff: object) -> None:
        Server(link, {"identify": work}, Open(), clock, session).serve(HELLO)

    shared = Shared(sshd, serve)
    first = []
    for _ in range(7):
        began = time.perf_counter()
        client = Client(clock, "first")
        client.attach(shared.line())
        client.call("identify", {"target": "first"})
        first.append(time.perf_counter() - began)
        client.close()
    name = line_name(lead=False)
    client = Client(clock, "bench")
    client.attach(shared.line(name))
    trips = []
    for number in range(2_000):
        began = time.perf_counter()
        client.call("identify", {"target": f"trip-{number}"})
        trips.append(time.perf_counter() - began)
    chance, outages, lost = random.Random(7), [], 0
    back = Reconnect(
        lambda _n: client.attach(shared.line(name)), lambda: client.connected, clock, chance.random
    )
    when = set(chance.sample(range(requests), cuts))
    began_all = time.perf_counter()
    for number in range(requests):
        if number in when:  # while the request is under way, or just before
            threading.Thread(target=sshd.cut, daemon=True).start()
        began = time.perf_counter()
        answer = client.call("identify", {"target": f"n-{number}"}, back=back)
        if number in when or time.perf_counter() - began > 0.05:
            outages.append(time.perf_counter() - began)
        lost += answer != {"is": f"n-{number}"}
    seconds = time.perf_counter() - began_all
    client.close()
    shared.close()
    repeated = sum(count - 1 for key, count in done.items() if key.startswith("n-"))
    lost += sum(f"n-{number}" not in done for number in range(requests))
    trips.sort()
    return {
        "first_answer_s": round(statistics.median(first), 3),
        "first_answer_worst_s": round(max(first), 3),
        "round_trip_ms": round(statistics.median(trips) * 1000, 3),
        "round_trip_p99_ms": round(trips[int(len(trips) * 0.99)] * 1000, 3),
        "requests": requests,
        "cuts": cuts,
        "lost": lost,
        "repeated": repeated,
        "outages_seen": len([each for each in outages if each > 0.05]),
        "back_after_a_cut_s": round(statistics.median([each for each in outages if each > 0.05] or [0]), 3),
        "back_after_a_cut_worst_s": round(max(outages or [0]), 3),
        "whole_run_s": round(seconds, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
