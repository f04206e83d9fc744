"""Work that can hang in the operating system, done beside us: we go on when its time is over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.deadline import Deadline

T = TypeVar("T")


class TooLate(Exception):  # noqa: N818  says what happened; TimeoutError is what the work itself may raise
    """The deadline passed before the work was done."""


class Worker(Generic[T]):
    """One piece of work in a daemon thread.

    A name server that does not answer, or a port whose device sleeps, holds a thread in the kernel for
    minutes and cannot be interrupted. It is left behind; what it brings after all goes to `discard`, so that
    a port that opened too late is closed again.
    """

    def __init__(self, work: Callable[[], T], discard: Callable[[T], object]) -> None:
        self._work, self._discard = work, discard
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._left = False
        self._results: list[T] = []
        self._error: BaseException | None = None

    def result(self, deadline: Deadline) -> T:
        """Return what the work returns, or raise what it raises.

        Raises:
            TooLate: the deadline passed first.
        """
        threading.Thread(target=self._run, name="link-worker", daemon=True).start()
        self._done.wait(deadline.remaining())
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._results:
                return self._results[0]
            self._left = True
        raise TooLate

    def _run(self) -> None:
        result: list[T] = []
        error: BaseException | None = None
        try:
            result.append(self._work())
        except BaseException as caught:  # noqa: BLE001  handed over and raised on the thread that waits
            error = caught
        with self._lock:
            self._results, self._error = result, error
            left = self._left
        self._done.set()
        if left and result:
            self._discard(result[0])


def in_time(
    work: Callable[[], T], deadline: Deadline, discard: Callable[[T], object] = lambda _result: None
) -> T:
    """Return the result of `work`, done in a thread of its own.

    Raises:
        TooLate: the deadline passed first; a result that comes later is given to `discard`.
    """
    return Worker(work, discard).result(deadline)
