"""Escalations for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.text import clean
from supportctl.report.escalation.issue import IssueWriter
from supportctl.report.layout import DEFAULT_WIDTH, MIN_WIDTH, painted, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resend.escalate import Told
    from resend.ledger.escalations import Escalation
    from supportctl.report.escalation.words import EscalationWords

_STYLES = {"open": "red", "recovered": "green"}


def render_list(
    cases: Sequence[Escalation],
    words: EscalationWords,
    *,
    every: bool,
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return problems, those that were hit last first; `every`: closed ones were asked for, too."""
    if not cases:
        return words.say("none-at-all" if every else "none") + "\n"
    wide = max(width or DEFAULT_WIDTH, MIN_WIDTH)
    return "\n".join("\n".join(_entry(case, words, color=color, width=wide)) for case in cases) + "\n"


def render_one(
    case: Escalation, words: EscalationWords, *, color: bool = False, width: int | None = None
) -> str:
    """Return one problem with all that is known of it: what its issue says, and where that is."""
    wide = max(width or DEFAULT_WIDTH, MIN_WIDTH)
    title, text = IssueWriter(words).issue(case)
    lines = [painted(title, "bold", color=color), _state(case, words, color=color)]
    if case.tracker_issue:
        lines.append(
            words.say("issue", tracker=case.tracker, number=case.tracker_issue, link=case.tracker_link)
        )
    else:
        lines.append(words.say("no-issue"))
    if case.tracker_error:
        lines.append(words.say("not-told", error=clean(case.tracker_error)))
    lines.append("")
    for line in text.split("\n"):
        lines += wrap(line, wide) if line else [""]
    if case.destinations and case.cause.failure == "data":
        lines.append(words.say("deliveries", destination=case.destinations[0]))
    return "\n".join(lines) + "\n"


def render_flushed(
    told: Told, cases: Sequence[Escalation], words: EscalationWords, *, dry_run: bool
) -> Iterator[str]:
    """Yield what was told, or would be."""
    if dry_run:
        if not cases:
            yield words.say("flushed-nothing")
            return
        yield words.count("would-tell", len(cases))
        for case in cases:
            yield f"  {case.fingerprint}  {words.title(case)}"
        return
    for key, names in (("opened", told.opened), ("commented", told.commented), ("closed", told.closed)):
        if names:
            yield words.say(f"flushed-{key}", names=", ".join(names))
    notified = len(set(told.notified))
    if notified:
        yield words.count("flushed-notified", notified)
    for place, error in told.failed.items():
        yield words.say("flushed-failed", place=place, error=clean(error))
    if not (told.opened or told.commented or told.closed or notified or told.failed):
        yield words.say("flushed-nothing")


def _state(case: Escalation, words: EscalationWords, *, color: bool) -> str:
    text = words.say(f"state-{case.state}")
    shown = painted(text, _STYLES.get(case.state, ""), color=color)
    return f"{case.fingerprint} · {shown} · {case.code}"


def _entry(case: Escalation, words: EscalationWords, *, color: bool, width: int) -> Iterator[str]:
    yield _state(case, words, color=color)
    yield from (f"  {line}" for line in wrap(words.title(case), width - 2))
    facts = f"{words.calls(case)}; {words.accounts(case, 3)}. {words.say('acts', who=words.who(case))}"
    yield from (f"  {line}" for line in wrap(facts, width - 2))
    since = words.say("since", first=words.moment(case.first_at), last=words.moment(case.last_at))
    issue = f"{case.tracker} {case.tracker_issue}" if case.tracker_issue else ""
    if case.tracker_error:
        issue = words.say("not-told", error=clean(case.tracker_error))
    yield f"  {since} {issue}".rstrip()
