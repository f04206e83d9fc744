"""What trackers and chats are told: plain text, which every one of them shows as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.catalog.loader import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resend.ledger.escalations import Escalation
    from supportctl.report.escalation.words import EscalationWords

_IN_A_MESSAGE = 10
_OWN = frozenset({"late", "held", "not-configured"})
_REPEATED = frozenset({"retry", "wait", "ambiguous", "sign-in", "configuration", "blocked"})


class IssueWriter:
    """Writes issues, comments and messages (`resend.escalate.Writer`)."""

    def __init__(self, words: EscalationWords) -> None:
        self._words = words

    def issue(self, case: Escalation) -> tuple[str, str]:
        """Return title and text of a new issue."""
        return self._words.title(case), "\n\n".join(self._blocks(case))

    def comment(self, case: Escalation, kind: str) -> str:
        """Return a comment."""
        say = self._words.say
        if kind == "recovered":
            return say("comment-recovered", peak=self._words.count("calls", case.peak))
        head = say(f"comment-{kind}")
        return "\n".join([head, *self._facts(case)])

    def handed_on(self, case: Escalation) -> str:
        """Return the last comment on an issue whose problem moves to another tracker."""
        return self._words.say("handed-on", who=self._words.who(case))

    def closing(self, case: Escalation) -> str:
        """Return the last word."""
        return self._words.say("closing", since=self._words.moment(case.recovered_at))

    def digest(self, cases: Sequence[Escalation]) -> tuple[str, str]:
        """Return title and text of one message about several problems, the largest first."""
        ranked = sorted(cases, key=lambda case: -case.affected)
        lines = [self._line(case) for case in ranked[:_IN_A_MESSAGE]]
        if len(ranked) > _IN_A_MESSAGE:
            lines.append(self._words.say("digest-more", n=len(ranked) - _IN_A_MESSAGE))
        if len(ranked) == 1:
            return self._words.say("digest-one", title=self._words.title(ranked[0])), lines[0]
        return self._words.count("digest-many", len(ranked)), "\n".join(lines)

    def _line(self, case: Escalation) -> str:
        words = self._words
        args = {
            "news": words.say(f"news-{case.news_kind}"),
            "title": words.title(case),
            "link": case.tracker_link or words.say("look", fingerprint=case.fingerprint),
        }
        if case.news_kind == "recovered":
            return words.say("digest-over", **args)
        told = words.say(
            "digest-line",
            calls=words.calls(case),
            accounts=words.accounts(case, 3),
            acts=words.say("acts", who=words.who(case)),
            **args,
        )
        return f"{told} {self._deadline(case)}".rstrip()

    def _deadline(self, case: Escalation) -> str:
        return (
            self._words.say("deadline", at=self._words.moment(case.deadline_at)) if case.deadline_at else ""
        )

    def _blocks(self, case: Escalation) -> Iterator[str]:
        words, say = self._words, self._words.say
        explanation = fill(words.texts(case).explanation, {"system": words.system(case)})
        yield f"{say('what')}\n{explanation}"
        yield "\n".join([say("facts"), *self._facts(case)])
        if case.examples:
            yield "\n".join([say("examples"), *(words.example(each) for each in case.examples)])
        yield f"{say('tried')}\n{say(tried(case))}"
        yield "\n".join([say("do"), *words.steps(case)])
        yield f"{say('look', fingerprint=case.fingerprint)}\n{say('footer', fingerprint=case.fingerprint)}"

    def _facts(self, case: Escalation) -> Iterator[str]:
        words, say = self._words, self._words.say
        yield f"{words.calls(case)}; {words.accounts(case)}"
        yield say("since", first=words.moment(case.first_at), last=words.moment(case.last_at))
        if case.cause.failure not in _OWN:
            yield say("said", words=words.error(case) or say("no-words"))
        if case.cause.step:
            yield say("at-step", step=case.cause.step)
        if case.deadline_at:
            yield self._deadline(case)
        yield say("acts", who=words.who(case))


def tried(case: Escalation) -> str:
    """Return the key of what was tried."""
    if case.cause.failure in _OWN:
        return "tried-not"
    return "tried-retried" if case.cause.failure in _REPEATED and not case.cause.step else "tried-once"
