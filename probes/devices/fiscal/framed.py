"""Question and answer with a register that frames its messages: repeats as its protocol says, why it failed.

For protocols in which a register says by a single byte that it is busy or that a frame was damaged. The
protocol's part is a `Listener`: it takes the stream and says what it has heard.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER, Answer, Conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline

_TOO_MUCH_NOISE = 256
HOPELESS_NOISE = 64  # so much that no register says, and no answer to the first question: not worth repeating
_BUSY_PAUSE_S = 0.1
_RESERVE = 1.3


class Heard(Enum):
    """What a listener makes of the stream so far; a higher value tells more of why there was no answer."""

    SILENCE = 0
    NOISE = 1
    DAMAGED = 2  # a frame with a wrong checksum or form
    OTHER = 3  # a sound answer to another question
    REFUSED = 4  # the register says that our frame was damaged
    BUSY = 5
    ANSWERED = 6


class Listener(Protocol):
    """Listens for the answer to one question; a new one for every time that the question is put."""

    noise: bytearray
    raw: bytes  # the frame of the answer

    def take(self, piece: bytes) -> Heard | None:
        """Take a piece of the stream; return BUSY, REFUSED or ANSWERED as soon as it is heard."""

    @property
    def worst(self) -> Heard:
        """What was heard instead of an answer."""


class Rules(NamedTuple):
    """`wait_s` for the next piece of an answer, `tries` in all.

    `busy_s` is how long a register may say that it is at work, `answer_s` how long an answer may go on.
    """

    wait_s: float = 0.5
    tries: int = 3
    busy_s: float = 3.0
    answer_s: float = 12.0
    ask_again_when_busy: bool = False  # else it sends the answer by itself once it is ready


class Result(NamedTuple):
    """How a question went. `answer` is for evidence: its data is the answer's frame, else all that came."""

    heard: Heard
    answer: Answer


class _Complete:
    """The `complete` of `Conversation.ask` for a listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._seen = 0
        self.heard: Heard | None = None

    def __call__(self, heard: bytes) -> int | None:
        self.heard = self._listener.take(heard[self._seen :])
        self._seen = len(heard)
        if self.heard is None and len(self._listener.noise) > _TOO_MUCH_NOISE:
            return NOT_AN_ANSWER
        return None if self.heard is None else len(heard)


def exchange(
    context: ProbeContext,
    talk: Conversation,
    asked: str,
    put: Callable[[], tuple[bytes, Listener]],
    rules: Rules,
) -> Result:
    """Return how the register answered; `put` gives the request and its listener, anew for each try.

    Raises:
        LinkError: the wire closed, or the check's time is over.
    """
    patience = context.deadline.within(rules.busy_s)
    worst, came, tries = Heard.SILENCE, bytearray(), 0
    first: Answer | None = None
    while True:
        request, listener = put()
        listening = _Once(context, talk, asked, listener, rules)
        try:
            answer = listening.ask(request, patience)
        except LinkError as error:
            came += listening.came + listener.noise
            if error.code != "link.closed" or not is_another_device(request, bytes(came)):
                raise
            answer = Answer(bytes(came), b"", listening.started, "noise", asked, request)
            return Result(Heard.NOISE, answer)  # a web server hangs up after its complaint
        first = first or answer
        came += answer.before + listening.came
        if listening.heard is Heard.ANSWERED:
            told = answer._replace(data=listener.raw, sent=request, outcome="answered")
            return Result(Heard.ANSWERED, told)
        worst = max(worst, listening.heard, listener.worst, key=_telling)
        if listening.heard is Heard.BUSY and rules.ask_again_when_busy and not patience.expired:
            context.clock.sleep(min(_BUSY_PAUSE_S, patience.remaining()))
            continue
        tries += 1
        hopeless = worst in {Heard.SILENCE, Heard.NOISE} and len(came) > HOPELESS_NOISE
        tired = listening.heard is Heard.BUSY and patience.expired
        if tries >= rules.tries or hopeless or tired:
            break
    if came and worst is Heard.SILENCE:
        worst = Heard.NOISE
    return Result(worst, first._replace(data=bytes(came), outcome="noise" if came else "silent"))


def _telling(heard: Heard) -> int:
    return heard.value


def is_another_device(request: bytes, came: bytes) -> bool:
    """Return whether `came` is how a web server or the like greets: no use to ask it again."""
    from probes.links.garble import WRONG_DEVICE, explain_noise  # only what went wrong pays for its import

    return explain_noise(request, came).code == WRONG_DEVICE


class _Once:
    """One try: puts the question, and waits as long as the register works on it or the answer goes on."""

    def __init__(
        self, context: ProbeContext, talk: Conversation, asked: str, listener: Listener, rules: Rules
    ) -> None:
        self.heard = Heard.SILENCE
        self.came = bytearray()
        self.started = context.clock.monotonic()
        self._coming = context.deadline.within(rules.answer_s)
        self._talk, self._asked = talk, asked
        self._listener, self._rules = listener, rules

    def ask(self, request: bytes, patience: Deadline) -> Answer:
        """Return the answer to `request` as far as it came at first; all of it is in `came`."""
        answer = more = self._hear(request)
        while more.data and self._goes_on(more, patience):
            more = self._hear(b"")
        return answer

    def _goes_on(self, more: Answer, patience: Deadline) -> bool:
        if self.heard is Heard.BUSY:
            return not self._rules.ask_again_when_busy and not patience.expired
        damaged = self._listener.worst is Heard.DAMAGED  # no use to wait for the rest of it
        return more.outcome == "incomplete" and not damaged and not self._coming.expired

    def _hear(self, request: bytes) -> Answer:
        complete = _Complete(self._listener)
        answer = self._talk.ask(self._asked, request, complete, wait=self._rules.wait_s)
        self.came += answer.data + answer.rest
        self.heard = complete.heard or self.heard
        return answer


class Pace:
    """How fast a register answers over this wire: what would take longer than the check is not begun."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._byte_s = 0.0

    def note(self, answer: Answer) -> None:
        """Take note of an answer that has just come."""
        took = self._context.clock.monotonic() - answer.started
        self._byte_s = max(self._byte_s, took / max(1, len(answer.data)))

    def allows(self, size: int) -> bool:
        """Return whether an answer of `size` bytes would come in the time that is left."""
        return self._byte_s * size * _RESERVE < self._context.deadline.remaining()
