"""One of many workers: jobs wake lanes, a sweep of its own finds what no job woke, the ledger decides.

Guards, each for something that was seen to go wrong (docs/decisions, "cluster engine"): a lane's job loops
and never queues itself again; no lock of the engine is held while it runs; no job waits for a time to come;
the sweep is no job, so nothing can be in its way; the database may go away and come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
from procrastinate.exceptions import ConnectorException

from resend.cluster import engine
from resend.cluster.slots import Slots
from resend.ledger.errors import LedgerError
from resend.ledger.lanes import due_lanes
from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from procrastinate import App

    from resend.lane import Lane
    from resend.ledger.store import Store
    from resend.worker import Worked

SWEEP_S = 3.0  # over all workers together
_SLOWEST_SWEEP_S = 15.0
_LANES_AT_ONCE = 5000
_BURY_EVERY = 4  # sweeps
_TIDY_EVERY = 1200
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_DATABASE = (ConnectorException, psycopg.Error, LedgerError)


class _EndedError(Exception):
    """The engine's worker has ended though nobody stopped it: it has lost the database."""


class ClusterWorker:
    """Drains the lanes that fall to this process. `chance` returns numbers in 0..1.

    `open_lane` returns None for a destination that is not configured; lanes that it makes have `holder`, a
    name of this process alone.
    """

    def __init__(
        self,
        store: Store,
        open_lane: Callable[[str], Lane | None],
        holder: str,
        chance: Callable[[], float],
        *,
        threads: int = 16,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._store = store
        self._slots = Slots(store, open_lane, holder, threads)
        self._chance = chance
        self._threads = threads
        self._sweep_s = sweep_s
        self._sweeps = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._stopped = threading.Event()

    @property
    def worked(self) -> Worked:
        """What was done so far."""
        return self._slots.worked

    def stop(self) -> None:
        """Let every lane finish its request, then end; may be called from any thread."""
        self._stopped.set()
        self._slots.stop()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by now
                self._loop.call_soon_threadsafe(self._stop.set)

    def run(self) -> Worked:
        """Work until `stop`, SIGTERM or SIGINT.

        Raises:
            SupportctlError: `resend.engine-schema`.
        """
        # psycopg cannot use the other loop of Windows
        with _engine_logs(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._main())
        return self._slots.worked

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_told)
        if self._stopped.is_set():
            return
        # A thread that is in mid-request is waited for at the end of the block, whatever became of its job.
        with (
            ThreadPoolExecutor(self._threads, "lane") as lanes,
            ThreadPoolExecutor(1, "sweep") as sweeper,
            self._signals(self._loop),
        ):
            pause = _FIRST_PAUSE_S
            while not self._stop.is_set():
                try:
                    await self._session(lanes, sweeper)
                    pause = _FIRST_PAUSE_S
                except _EndedError:
                    pause = _FIRST_PAUSE_S
                    log.event("warning", "resend.engine-ended")
                except _DATABASE as error:
                    log.event("warning", "resend.database-gone", error=type(error).__name__, again_in=pause)
                await self._stop_within(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _session(self, lanes: ThreadPoolExecutor, sweeper: ThreadPoolExecutor) -> None:
        """Work until told to stop, or until the database goes away."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(sweeper, engine.prepare, self._store)

        async def drain(destination: str) -> None:
            await loop.run_in_executor(lanes, self._slots.drain, destination)

        app = engine.engine_app(self._store, drain)
        async with app.open_async():
            tasks = {
                asyncio.create_task(self._work(app)),
                asyncio.create_task(self._sweep(app, sweeper)),
                asyncio.create_task(self._stop.wait()),
            }
            log.event("info", "resend.worker-ready", threads=self._threads)
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _ended(tasks)
            for task in done:
                task.result()

    async def _work(self, app: App) -> None:
        await engine.work(app, self._threads)
        raise _EndedError

    async def _sweep(self, app: App, sweeper: ThreadPoolExecutor) -> None:
        """Wake every lane that has due work and no live lease, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            due = await loop.run_in_executor(sweeper, self._due)
            await engine.kick(app, due)
            if self._sweeps % _BURY_EVERY == 0:
                await engine.bury(app)
            if self._sweeps % _TIDY_EVERY == 0:
                await engine.tidy(app)
            self._sweeps += 1
            pace = min(self._sweep_s * await engine.living(app), max(_SLOWEST_SWEEP_S, self._sweep_s))
            await asyncio.sleep(pace * (0.75 + self._chance() / 2))

    def _due(self) -> list[str]:
        self._slots.give_back()
        self._slots.forget_idle()
        return [name for name in due_lanes(self._store, _LANES_AT_ONCE) if self._slots.wants(name)]

    async def _stop_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """End in order when asked to; the second time at once, as the system does it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def asked(*_: object) -> None:
            loop.call_soon_threadsafe(self.stop)
            restore()

        for number in before:
            signal.signal(number, asked)
        try:
            yield
        finally:
            restore()


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait for its end: the engine's worker ends in order when it is cancelled."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _told(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of what failed in the background, as when a job's end could not be written down."""
    error = context.get("exception")
    log.event(
        "warning", "resend.engine", error=f"{type(error).__name__}: {error}" if error else context["message"]
    )


class _Forward(logging.Handler):
    """Hands on what the engine's libraries tell, without tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "debug"
        log.event(level, "resend.engine", logger=record.name, message=record.getMessage())


@contextlib.contextmanager
def _engine_logs() -> Iterator[None]:
    handler = _Forward(logging.INFO)
    loggers = [logging.getLogger(name) for name in ("procrastinate", "psycopg.pool", "asyncio")]
    before = [(logger, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in before:
            logger.removeHandler(handler)
            logger.propagate = propagate
