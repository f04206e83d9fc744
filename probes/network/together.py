"""Several questions at once: the answers that came in time, in the order of the questions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supportctl.core.deadline import Deadline

T = TypeVar("T")
MAX_AT_ONCE = 64


def gather(
    questions: Sequence[Callable[[], T]],
    deadline: Deadline,
    enough: Callable[[T], bool] = lambda _answer: False,
) -> list[T | None]:
    """Return the answer to each question, None where there was none when `deadline` passed.

    Returns as soon as `enough` holds for one answer. A name lookup cannot be interrupted, so a thread
    that is late is left behind; it is a daemon and its answer is dropped. An exception of a question is
    raised here: probes know their own wires' errors, and a bug must not look like silence.
    """
    answers: list[T | None] = [None] * len(questions)
    errors: list[BaseException] = []
    left = list(enumerate(questions))[::-1]
    pending = set(range(len(questions)))
    changed = threading.Condition()
    satisfied = threading.Event()

    def work() -> None:
        while True:
            with changed:
                if not left or satisfied.is_set():
                    return
                number, question = left.pop()
            try:
                answer = question()
            except BaseException as error:  # noqa: BLE001  raised again by the caller's thread
                with changed:
                    errors.append(error)
                    changed.notify_all()
                return
            with changed:
                answers[number] = answer
                pending.discard(number)
                if enough(answer):
                    satisfied.set()
                changed.notify_all()

    for _ in range(min(MAX_AT_ONCE, len(questions))):
        threading.Thread(target=work, daemon=True).start()
    with changed:
        changed.wait_for(lambda: errors or satisfied.is_set() or not pending, deadline.remaining())
        satisfied.set()
        if errors:
            raise errors[0]
        return list(answers)
