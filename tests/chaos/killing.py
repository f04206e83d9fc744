"""Real worker processes drain one ledger into portals of the lab that this process serves, and are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import func, select

from integrations.crm.reader import Employee
from integrations.lab.bitrix24.portal import Bitrix24Portal
from integrations.lab.serve import PortalServer
from resend.ledger.accept import accept
from resend.ledger.lanes import pending
from resend.ledger.schema import ATTEMPTS, COUNTS, DELIVERIES
from resend.ledger.store import Store
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock

LEASE_S, REQUEST_S, SETTLE_S = 2.5, 2.0, 1.0
_DRAINER = Path(__file__).with_name("drainer.py")
_HORIZON_S = 3600.0


class Portal(Bitrix24Portal):
    """A portal that works at once and answers some hundredths of a second later: there a kill hurts."""

    slow_s = 0.03


class Killing:
    """Workers that are killed again and again while calls come in; inside `with`."""

    def __init__(self, folder: Path, seed: int, workers: int, lanes: int = 2) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = SystemClock()
        self.store = Store(f"sqlite:///{folder / 'ledger.db'}", self.clock)
        self.servers: dict[str, PortalServer] = {}
        urls = {}
        for number in range(lanes):
            portal = Portal(self.clock, f"crm{number}", rate=0, operating_limit_s=10**9)
            portal.plant_employee(Employee("11", "Anna", "101"))
            portal.switch("slow", on=True)
            server = self.servers[portal.name] = PortalServer(portal)
            urls[portal.name] = portal.account(server.url)["url"]
        setup = {
            "ledger": f"sqlite:///{folder / 'ledger.db'}", "urls": urls, "lease_s": LEASE_S,
            "request_s": REQUEST_S,
            "schedule": {
                "horizon_s": _HORIZON_S, "first_delay_s": 0.2, "max_delay_s": 1, "settle_s": SETTLE_S,
            },
        }  # fmt: skip
        self.drainer = subprocess.Popen(
            [sys.executable, str(_DRAINER), json.dumps(setup)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.calls: dict[str, dict[str, Call]] = {name: {} for name in self.servers}
        self.kills = 0
        self.workers = [self.start() for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.drainer.stdin.close()
        for number in self.workers:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.drainer.wait(10)
        self.drainer.stdout.close()
        for server in self.servers.values():
            server.close()
        self.store.close()

    def start(self) -> int:
        """Start a worker; return its process id."""
        self.drainer.stdin.write("\n")
        self.drainer.stdin.flush()
        return int(self.drainer.stdout.readline())

    def kill(self) -> None:
        """Kill one worker in whatever it does, and start another."""
        place = self.chance.randrange(len(self.workers))
        os.kill(self.workers[place], signal.SIGKILL)
        self.kills += 1
        self.workers[place] = self.start()

    def accept(self, count: int) -> None:
        """Take calls; some change a moment later: their recording has come."""
        for name, known in self.calls.items():
            new = [self._call(f"{name}-{len(known) + number}") for number in range(count)]
            first = [
                call._replace(recording_url=None) if number % 3 == 0 else call
                for number, call in enumerate(new)
            ]
            accept(self.store, name, first, _HORIZON_S)
            accept(self.store, name, new, _HORIZON_S)
            known.update({call.call_id: call for call in new})

    def _call(self, call_id: str) -> Call:
        return Call(
            call_id, "pbx", "in", datetime.now(UTC) - timedelta(seconds=self.chance.randrange(10**6)),
            self.chance.randrange(1, 600), f"+7999{self.chance.randrange(10**7):07d}", answered=True,
            line="+78120000001", employee="101", recording_url=f"https://rec.example/{call_id}.mp3",
        )  # fmt: skip

    def pass_time(self, seconds: float) -> None:
        """Let the workers work."""
        threading.Event().wait(seconds)

    def until_empty(self, seconds: float = 60.0) -> None:
        """Let the workers bring the rest."""
        end = time.monotonic() + seconds
        while pending(self.store):
            assert time.monotonic() < end, f"seed {self.seed}: not drained: {self.states()}"
            self.pass_time(0.1)

    def end(self) -> None:
        """Ask the workers to end, and wait until they have."""
        for number in self.workers:
            os.kill(number, signal.SIGTERM)
        end = time.monotonic() + 10
        while self.workers:
            assert time.monotonic() < end, "a worker does not end on SIGTERM"
            self.workers = [number for number in self.workers if _lives(number)]
            self.pass_time(0.02)

    def states(self) -> Counter[str]:
        """Return how many deliveries are in which state, as the rows say."""
        with self.store.read() as connection:
            rows = connection.execute(select(DELIVERIES.c.state, func.count()).group_by(DELIVERIES.c.state))
            return Counter({row[0]: row[1] for row in rows})

    def in_doubt(self) -> int:
        """Return how many deliveries a killed worker left in mid-send."""
        with self.store.read() as connection:
            lost = select(func.count()).select_from(ATTEMPTS).where(ATTEMPTS.c.kind == "lost")
            return int(connection.execute(lost).scalar_one())

    def judge(self) -> None:
        """Hold the invariant, in the portals' own state and in the ledger."""
        for name, server in self.servers.items():
            store = server.portal.store
            there = Counter(row.call.external_id for row in store.statistics.rows.values())
            assert there == Counter(dict.fromkeys(self.calls[name], 1)), f"seed {self.seed}: {_odd(there)}"
            for row in store.statistics.rows.values():
                file = store.files[row.record_file_id] if row.record_file_id else None
                wanted = self.calls[name][row.call.external_id].recording_url
                assert getattr(file, "note", None) == wanted, f"seed {self.seed}: {row.call.external_id}"
            assert (store.effects.pop_ups, store.effects.chat_messages) == ([], [])
            assert not server.complaints, server.complaints
        total = sum(map(len, self.calls.values()))
        assert self.states() == {"delivered": total}, f"seed {self.seed}"
        with self.store.read() as connection:
            counted = Counter()
            for row in connection.execute(select(COUNTS)):
                counted[row.state] += row[2]
        assert +counted == {"delivered": total}, f"seed {self.seed}"


def _odd(there: Counter[str]) -> dict[str, int]:
    return {call_id: number for call_id, number in there.items() if number != 1} or {"missing": len(there)}


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
