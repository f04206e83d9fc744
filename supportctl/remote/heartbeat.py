"""Notices a peer that is gone without a word: a request that wants an answer, and a deadline for it.

paramiko's own keep-alive wants no answer, so a cut line is never noticed (remote.md, fact 2).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock

EVERY_S = 1.5
PATIENCE_S = 3.5  # together 5 s: what stands still longer than 6 s, people call broken


class Heartbeat:
    """Asks `ask` (which returns once the peer has answered) every `every_s`; calls `dead` when it is late.

    `heard` returns when anything at all came from the peer last: a big answer on a slow line keeps the
    heartbeat's own waiting behind it.
    """

    def __init__(
        self,
        ask: Callable[[], object],
        dead: Callable[[], None],
        clock: Clock,
        heard: Callable[[], float] = lambda: 0.0,
        *,
        every_s: float = EVERY_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._ask = ask
        self._dead = dead
        self._clock = clock
        self._heard = heard
        self._every_s = every_s
        self._patience_s = patience_s
        self._over = threading.Event()
        self._answered = threading.Event()
        self._begin = threading.Event()

    def start(self) -> None:
        """Begin, on threads of its own."""
        for work, name in ((self._asks, "heartbeat asks"), (self._watch, "heartbeat")):
            threading.Thread(target=work, name=name, daemon=True).start()

    def stop(self) -> None:
        """End; from any thread."""
        self._over.set()
        self._begin.set()
        self._answered.set()

    def _asks(self) -> None:
        while True:
            self._begin.wait()
            self._begin.clear()
            if self._over.is_set():
                return
            self._ask()
            self._answered.set()

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            self._answered.clear()
            asked = self._clock.monotonic()
            self._begin.set()
            if not self._comes(asked):
                self.stop()
                self._dead()
                return

    def _comes(self, asked: float) -> bool:
        while True:
            left = max(asked, self._heard()) + self._patience_s - self._clock.monotonic()
            if self._answered.wait(max(left, 0.0)):
                return True
            if max(asked, self._heard()) + self._patience_s <= self._clock.monotonic():
                return self._answered.is_set()
