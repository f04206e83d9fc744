"""The thread in which all simulated devices live."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_ANSWER_S = 10.0


class LoopThread:
    """A selector loop in a thread of its own. It sleeps until a wire or a timer wakes it."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.loop.set_exception_handler(self._crashed)
        self.crashes: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns when it is run in the thread; may be called from anywhere."""
        if threading.current_thread() is self._thread:
            return function()
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
                future.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return future.result(_ANSWER_S)

    def stop(self) -> None:
        """End the thread and close the loop; may be called twice."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_ANSWER_S)
        if not self.loop.is_running():
            self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.crashes.append(context.get("exception") or RuntimeError(context["message"]))
