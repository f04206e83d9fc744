"""Takes secrets and people out of texts and puts tokens in their place: `[secret-1]`, `[phone-2:+749…67]`.

The same value has the same token everywhere; the table of both stays with the customer. There is no way to
leave secrets and card numbers in: a policy speaks of telephone numbers and names only.
"""

from __future__ import annotations

import re
import sys
import threading
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core import redaction
from supportctl.core.personal_patterns import MARKS, PEOPLE, PERSON, TOKEN, cards
from supportctl.core.scrubbing import forms_of
from supportctl.core.secret_patterns import (
    HIDDEN,
    PHONE,
    PHONE_KIND,
    REACH,
    SECRET,
    Span,
    found,
    is_secret_name,
    secrets_in,
)
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEEP, PARTIAL, REMOVE = "keep", "partial", "remove"
_CONTEXT = 64  # characters before a piece that say what it is: a label, the letter before a digit
_LINE = 16_000
_PERSON_NAMES = re.compile(
    r"(?i)^(?:contact|cashier|customer|operator|person|employee|full|first|last|caller)[_-]?(?:full[_-]?)?name$"
    r"|^(?:fio|фио|кассир|оператор|сотрудник|клиент|cashier|customer)$"
)
_HARMLESS = re.compile(r"[a-z_.-]{0,64}")
_DEPTH = 40


class Policy(NamedTuple):
    """What becomes of telephone numbers and names: `keep`, `partial` (to know them again), `remove`."""

    phones: str = PARTIAL
    names: str = PARTIAL


class Tokens:
    """Values and their tokens, for any number of threads. `known` is a table of an earlier time."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        for token, value in (known or {}).items():
            kind, _, rest = token.strip("[]").partition("-")
            self._values[value] = token
            self._numbers[kind] = max(self._numbers[kind], int(rest.partition(":")[0]))

    def token(self, kind: str, value: str, hint: str = "") -> str:
        """Return the token of a value."""
        with self._lock:
            self.counts[kind] += 1
            if value not in self._values:
                self._numbers[kind] += 1
                number = self._numbers[kind]
                self._values[value] = f"[{kind}-{number}:{hint}]" if hint else f"[{kind}-{number}]"
            return self._values[value]

    def table(self) -> dict[str, str]:
        """Return token -> value: what the customer keeps."""
        with self._lock:
            return {token: value for value, token in self._values.items()}

    def restored(self, text: str) -> str:
        """Return a text with the values in the place of their tokens."""
        table = self.table()
        return TOKEN.sub(lambda match: table.get(match[0], match[0]), text)


class Redactor:
    """Redacts texts and documents. What is known as a secret is found in each of its forms."""

    def __init__(self, policy: Policy = Policy(), tokens: Tokens | None = None) -> None:  # noqa: B008  immutable
        self.tokens = tokens or Tokens()
        self._policy = policy
        self._seen = -1
        self._known: re.Pattern[str] | None = None
        self._reach = REACH
        people = PEOPLE if policy.names != KEEP else ()
        phones = (PHONE,) if policy.phones != KEEP else ()
        self._patterns = (*MARKS, *phones, *people)

    def text(self, text: str, before: str = "") -> str:
        """Return a text without secrets; `before` is what stands before it: the name of a field."""
        if _HARMLESS.fullmatch(text):  # nearly every name and code: only what is known can be wrong with it
            self._learn()
            return self._replaced("", text, self._merged(self._every_known(text)))
        return self._replaced(before, text, self._spans(before + text))

    def pieces(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield a text that comes in pieces, redacted: where one ends cannot split a secret."""
        before, window = "", ""
        for piece in pieces:
            window += piece
            self._learn()
            if len(window) >= 3 * self._reach:
                cut, spans = self._cut(before, window)
                yield self._replaced(before, window[:cut], spans)
                before, window = (before + window[:cut])[-_CONTEXT:], window[cut:]
        if window:
            yield self.text(window, before)

    def lines(self, text: str) -> str:
        """Return a text of many lines, redacted; what is invisible or acts on a terminal is shown."""
        shown = self.text(text)
        return "\n".join(clean(line.rstrip("\r"), _LINE) for line in shown.split("\n"))

    def document(self, value: Any, name: str = "", depth: int = 0) -> Any:  # noqa: ANN401  JSON
        """Return a document of JSON values redacted; what is called a secret is one, whatever it is."""
        if depth > _DEPTH:
            return "…"
        if isinstance(value, dict):
            return {
                self.text(str(key)): self.document(inner, str(key), depth + 1) for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.document(inner, name, depth + 1) for inner in value]
        if value is None or isinstance(value, bool) or value == "":
            return value
        return self._field(value, name)

    def again(self, text: str) -> str:
        """Return a redacted text without what has become known as a secret since; its tokens stay."""
        self._learn()
        if self._known is None:
            return text
        tokens = [match.span() for match in TOKEN.finditer(text)]
        spans = self._merged(self._every_known(text))
        return self._replaced("", text, [span for span in spans if not _inside(span, tokens)])

    def suspects(self, text: str) -> list[Span]:
        """Return what would be hidden in a text that was redacted already."""
        return [span for span in self._spans(text) if not _tokens_only(text[span.start : span.end])]

    def _field(self, value: object, name: str) -> object:
        text = str(value)
        if is_secret_name(name) and not text.startswith("secret://"):
            return text if text == HIDDEN or TOKEN.fullmatch(text) else self.tokens.token(SECRET, text)
        if self._policy.names != KEEP and isinstance(value, str) and _PERSON_NAMES.match(name):
            return self._token(Span(0, len(text), PERSON), text)
        shown = self.text(text, f"{name}: "[-_CONTEXT:])
        return value if shown == text else shown

    def _learn(self) -> None:
        """Make one pattern of all known secrets and their forms, the longest first."""
        if len(redaction.known()) == self._seen:
            return
        known = tuple(redaction.known())  # others may add to it meanwhile
        longest = sorted({form for value in known for form in forms_of(value)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest))) if longest else None
        self._reach = max(REACH, 2 * len(longest[0])) if longest else REACH
        self._seen = len(known)  # last: another thread may look at it

    def _spans(self, text: str) -> list[Span]:
        """Return what is to be hidden, in order, without overlaps: what touches is one piece."""
        self._learn()
        seeming = (span for each in self._patterns for span in found(each, text))
        secrets = secrets_in(text, prose=True)
        return self._merged([*self._every_known(text), *cards(text), *secrets, *seeming])

    @staticmethod
    def _merged(spans: list[Span]) -> list[Span]:
        """Return spans in order and without overlaps."""
        spans.sort(key=lambda span: (span.start, -span.end))
        whole: list[Span] = []
        for span in spans:
            last = whole[-1] if whole else None
            if last is None or span.start >= last.end:
                whole.append(span)
            elif span.end > last.end or (span.kind == SECRET and last.kind != SECRET):
                kind = SECRET if SECRET in {span.kind, last.kind} else last.kind
                whole[-1] = Span(last.start, max(span.end, last.end), kind)
        return whole

    def _every_known(self, text: str) -> list[Span]:
        if self._known is None:
            return []
        spans, at = [], 0
        while match := self._known.search(text, at):
            spans.append(Span(match.start(), match.end(), SECRET))
            at = match.start() + 1  # the next one may begin inside of this one
        return spans

    def _cut(self, before: str, window: str) -> tuple[int, list[Span]]:
        """Return where the window can be cut: where no match reaches from its end, and inside of none."""
        spans = self._spans(before + window)
        cut = len(window) - self._reach
        for span in spans:
            start, end = span.start - len(before), span.end - len(before)
            if start < cut < end:
                cut = start if start > 0 else min(end, len(window))
                break
        return cut, spans

    def _replaced(self, before: str, text: str, spans: list[Span]) -> str:
        skip, out, at = len(before), [], 0
        for span in spans:
            start, end = max(span.start - skip, at), min(span.end - skip, len(text))
            if end > start:
                out += [text[at:start], self._token(span, text[start:end])]
                at = end
        return "".join([*out, text[at:]])

    def _token(self, span: Span, value: str) -> str:
        hint = ""
        if span.kind == PHONE_KIND and self._policy.phones == PARTIAL:
            digits = re.sub(r"\D", "", value)
            hint = f"{'+' * value.startswith('+')}{digits[:4]}…{digits[-2:]}"
        elif span.kind == PERSON and "@" not in value and self._policy.names == PARTIAL:
            hint = " ".join(f"{word[0]}." for word in re.findall(r"[^\W\d_]+", value)[:3])
        return self.tokens.token(span.kind, value, hint)


def _inside(span: Span, tokens: list[tuple[int, int]]) -> bool:
    place = bisect_right(tokens, (span.start, sys.maxsize)) - 1
    return place >= 0 and tokens[place][0] <= span.start and span.end <= tokens[place][1]


def _tokens_only(text: str) -> bool:
    """Whether a piece is a token, with no more than marks beside it."""
    rest = TOKEN.sub("", text)
    return rest != text and not any(letter.isalnum() for letter in rest)
