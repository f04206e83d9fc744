"""Brings a line back: tries soon while somebody waits, ever more seldom later, one port after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock

FIRST_S, SOON_S, LONGEST_S = 0.2, 0.3, 30.0
SOON_FOR_S = 60.0  # so long a person waits: a line that is back is used within a second
GIVE_UP_S = 600.0
# What another try cannot mend
FINAL = frozenset({
    "remote.key-changed", "remote.key-unknown", "remote.signed-out", "remote.key-file", "remote.no-key",
    "remote.hosts-broken", "remote.other-protocol", "remote.agent-changed", "remote.old-python",
    "remote.no-agent",
})  # fmt: skip


def delays(chance: Callable[[], float], waited: Callable[[], float]) -> Callable[[], float]:
    """Return a function that gives the seconds until the next try: 0.2 … 0.3, after a minute doubling to 30.

    `chance` gives numbers from 0 to 1: many sides that lost the same line do not come back at once.
    """
    length = FIRST_S

    def following() -> float:
        nonlocal length
        told = length
        length = min(length * 2, SOON_S if waited() < SOON_FOR_S else LONGEST_S)
        return told * (0.5 + chance() / 2)

    return following


class Reconnect:
    """Is handed to `Client.call(back=…)`. `attach(number)` opens a line with the number of the try.

    `connected` says whether there is a line already: of several requests that lost it, one brings it back.
    """

    def __init__(
        self,
        attach: Callable[[int], object],
        connected: Callable[[], bool],
        clock: Clock,
        chance: Callable[[], float],
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._attach = attach
        self._connected = connected
        self._clock = clock
        self._chance = chance
        self._give_up_s = give_up_s
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        """Return True once there is a line, False when nobody answered for too long.

        Raises:
            SupportctlError: what another try cannot mend: a changed key, a sign-in that is refused.
        """
        with self._lock:
            begun = self._clock.monotonic()
            pause = delays(self._chance, lambda: self._clock.monotonic() - begun)
            number = 0
            while not self._connected():
                try:
                    self._attach(number)
                except SupportctlError as error:
                    if error.key in FINAL:
                        raise
                    if self._clock.monotonic() - begun >= self._give_up_s:
                        return False
                    self._clock.sleep(pause())
                number += 1
            return True
