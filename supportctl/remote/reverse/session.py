"""A supporter's session over the reverse way: one line after another, the same session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.remote.client import Client
from supportctl.remote.reconnect import Reconnect

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock
    from supportctl.remote.frames import Hello
    from supportctl.remote.reverse.wire import ChannelLink

GIVE_UP_S = 60.0  # the customer's side ends the session after the same time


class ReverseSession:
    """Opened by `way`, each time a new line is needed. `chance` gives numbers from 0 to 1."""

    def __init__(
        self, way: Callable[[], ChannelLink], clock: Clock, chance: Callable[[], float], name: str
    ) -> None:
        self.client = Client(clock, name)
        self.back = Reconnect(self._again, lambda: self.client.connected, clock, chance, GIVE_UP_S)
        self._way = way
        self._link: ChannelLink | None = None

    def open(self) -> Hello:
        """Open the first line. Raises: SupportctlError."""
        self._link = self._way()
        return self.client.attach(self._link)

    @property
    def said_goodbye(self) -> bool:
        """Whether the customer's side has ended it on purpose."""
        return self._link is not None and self._link.said_goodbye

    def close(self) -> None:
        """End it; may be called twice."""
        self.client.close()

    def _again(self, _number: int) -> object:
        return self.open()
