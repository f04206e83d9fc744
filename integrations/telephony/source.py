"""What a source of calls is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from integrations.checking import Surroundings
    from supportctl.core.call import Call, Rejected
    from supportctl.core.deadline import Deadline


class Progress(NamedTuple):
    """How far a reading is; `total` is None while nobody knows."""

    done: int
    total: int | None = None


def no_progress(_: Progress) -> None:
    """Tell nobody."""


class CallSource(Protocol):
    """Reads the calls of a window from one account, oldest first where the system can sort.

    Made from the account's model and its `Surroundings`.
    """

    def __init__(self, account: Any, surroundings: Surroundings) -> None:
        """Take the account; `Any`: each kind has its own model. Nothing is asked yet."""

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`, and what could not be read as one.

        Raises:
            ServiceError: the system refuses or cannot be reached; what was yielded before is sound.
            SupportctlError: a file or a database cannot be read.
        """
