"""Worker processes for the kill tests: `drainer.py JSON`; one line on standard input starts one more.

Everything is imported once; a worker is a fork of this process, and there at once. It prints the worker's
process id. At the end of its input it ends, and its workers with it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading

from integrations.checking import Surroundings
from integrations.crm.bitrix24.destination import Bitrix24Destination
from resend.lane import Lane
from resend.ledger.store import Store
from resend.policy import Schedule
from resend.worker import Worker
from supportctl.core.accounts import Bitrix24
from supportctl.core.clock import SystemClock


def work(setup: dict, parent: int) -> None:
    """Drain until SIGTERM comes, or the parent is gone."""
    clock = SystemClock()
    store = Store(setup["ledger"], clock)
    schedule = Schedule(**setup["schedule"])

    def open_lane(name: str) -> Lane | None:
        account = Bitrix24(kind="bitrix24", url=setup["urls"][name], fallback_employee=1, rate=1000)
        around = Surroundings(name, clock, lambda secret: secret, region="RU")
        return Lane(
            store, name, Bitrix24Destination(account, around), schedule=schedule, chance=random.random,
            holder=str(os.getpid()), request_s=setup["request_s"], lease_s=setup["lease_s"],
        )  # fmt: skip

    worker = Worker(store, open_lane, threads=2, look_every_s=0.1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with worker.stopped_by_signals():
        worker.run()


def _end_with(parent: int) -> None:
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(0.5)
    os._exit(1)


def main() -> None:
    """Fork workers as asked."""
    setup = json.loads(sys.argv[1])
    parent = os.getpid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for _ in sys.stdin:
        number = os.fork()
        if number == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                work(setup, parent)
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
