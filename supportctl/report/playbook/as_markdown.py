"""The packet for trackers: short, what is wrong first, the devices' own words last.

What others wrote cannot act in a tracker: mentions, references, links, markup and macros are taken apart.
`markup` False gives plain text, which every tracker shows as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supportctl.report.playbook.words import RunWords, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supportctl.catalog import Catalog
    from supportctl.core.report import EvidenceItem
    from supportctl.core.run_report import RunFinding, RunReport

LONGEST = 60_000  # characters: trackers take 65 535
_EVIDENCE_SHOWN = 40
_LINE = 2_000
# mentions, references, links, markup, macros: @name #12 !12 &12 www. :// `x` *x* <x> [x] {x} |x| ~x
_ACTS = re.compile(r"://|[*`<>\[\]{}|\\^~$]|[@#!&](?=\w)|(?i:\bwww\.)|(?<!\w)_|_(?!\w)")
_CALLED = re.compile(r"(?i)\b(?:mailto|javascript|data):")


def render_markdown(
    report: RunReport, catalog: Catalog, *, markup: bool = True, bundle: str | None = None
) -> str:
    """Return the packet in the report's language, at most `LONGEST` long; `bundle` names the archive."""
    packet = _Packet(report, catalog, markup=markup)
    head = "\n\n".join(packet.blocks(bundle))
    tail = packet.evidence(LONGEST - len(head) - 1000)
    return f"{head[: LONGEST - 1000]}\n\n{tail}\n"


def inert(text: object) -> str:
    """Return words of others on one line, without anything that a tracker acts upon."""
    told = _CALLED.sub(" ", _ACTS.sub(" ", str(text)))
    return one_line(told)[:_LINE]


class _Packet:
    def __init__(self, report: RunReport, catalog: Catalog, *, markup: bool) -> None:
        self._report = report
        self._words = RunWords(report, catalog)
        self._markup = markup

    def blocks(self, bundle: str | None) -> Iterator[str]:
        say = self._words.say
        if self._markup:
            yield f"# {inert(self._words.issue_title())}"
        yield self._strong(inert(f"{self._words.verdict()} {self._words.sales()}"))
        yield inert(say("why", why=self._report.reason))
        yield self._section(1, "wrong", self._wrong())
        yield self._section(2, "since", self._since())
        yield self._section(3, "tried", self._tried())
        yield self._section(4, "answers", self._answers())
        yield self._section(5, "left", self._left())
        yield "\n".join(self._next())
        yield "\n".join(self._facts(bundle))

    def evidence(self, room: int) -> str:
        """Return the appendix, as much of it as there is room for."""
        say = self._words.say
        lines: list[str] = []
        for line in self._evidence():
            if len(lines) >= _EVIDENCE_SHOWN or len(line) + 1 > room:
                lines.append(f"- {say('evidence-cut')}")
                break
            room -= len(line) + 1
            lines.append(line)
        body = "\n".join(lines or [say("evidence-none")])
        head = self._heading(6, "evidence")
        if not self._markup or not lines:
            return f"{head}\n\n{body}" if self._markup else f"{head}\n{body}"
        return f"{head}\n\n<details><summary>{say('fold-evidence')}</summary>\n\n{body}\n\n</details>"

    # --- the parts ----------------------------------------------------------------------------------------

    def _wrong(self) -> Iterator[str]:
        say = self._words.say
        yield inert(self._words.cause())
        for each in self._report.problems():
            finding = each.finding
            name = finding.name or finding.target
            yield self._found("found", each, self._value(name))
        if not self._report.problems():
            yield say("found-none")
        for each in self._report.went():
            yield self._found("gone", each, "")

    def _found(self, key: str, each: RunFinding, target: str) -> str:
        finding = each.finding
        title = inert(finding.title).rstrip(".")
        return self._words.say(key, title=title, target=target, code=self._value(finding.code))

    def _since(self) -> Iterator[str]:
        words, say = self._words, self._words.say
        yield words.sales()
        yield say("begun", at=words.moment())
        yield say(
            "took", took=words.lasted(self._report.duration_s), budget=words.lasted(self._report.budget_s)
        )
        for each in self._report.problems():
            at, code = words.clock(each.first_s), self._value(each.finding.code)
            yield say("first-seen", code=code, at=at, seconds=int(each.first_s))

    def _tried(self) -> Iterator[str]:
        words = self._words
        if not self._report.actions:
            yield words.say("change-none")
        for action in self._report.actions:
            yield self._strong(inert(words.change(action)))
            given = ", ".join(f"{name}={self._value(value)}" for name, value in action.params.items())
            if given:
                yield f"{self._value(action.action)}: {given}"
        for step in self._report.steps:
            if step.kind == "ask":
                continue
            yield inert(words.step(step))
            for change in step.changed:
                title = inert(change.title).rstrip(".")
                key = "came" if change.came else "went"
                yield f"→ {words.say(key, title=title, code=self._value(change.code))}"

    def _answers(self) -> Iterator[str]:
        say = self._words.say
        for asked in self._report.questions:
            if asked.answer is None:
                answer = say("no-answer")
            elif asked.answer_text is not None and asked.answer_text != str(asked.answer):
                answer = f"{self._value(asked.answer_text)} ({self._value(asked.answer)})"
            else:
                answer = self._value(asked.answer)
            yield say("answer", question=inert(asked.question), answer=self._strong(answer))
        if not self._report.questions:
            yield say("answers-none")

    def _left(self) -> Iterator[str]:
        say = self._words.say
        for cause in self._words.open_causes():
            yield say("open", cause=inert(cause.text).rstrip("."), why=cause.why_text)
        if not self._report.remaining:
            yield say("open-none")
        if self._report.ruled_out:
            causes = "; ".join(inert(cause.text).rstrip(".") for cause in self._report.ruled_out)
            yield say("ruled-out", causes=causes)
        for each in self._report.not_checked:
            yield say("not-checked", what=inert(each.what).rstrip("."), why=inert(each.why))

    def _next(self) -> Iterator[str]:
        say, following = self._words.say, self._report.next_step
        yield f"{self._strong(say('head-next'))}: {inert(following.text)}"
        if following.command:
            yield ""
            yield say("command", command=self._value(following.command))
        yield ""
        yield say("say", say=inert(following.say))

    def _facts(self, bundle: str | None) -> Iterator[str]:
        say, report = self._words.say, self._report
        facts = (
            ("ticket", report.ticket),
            ("site", self._words.site()),
            ("run", report.run),
            ("playbook", self._words.playbook()),
            ("tool", f"supportctl {report.tool_version}"),
        )
        for key, value in facts:
            if value:
                yield f"- {say(key)}: {self._value(value)}"
        for shown in report.replies:
            yield f"- {say('head-replies')}: {inert(shown.text)}"
        if bundle:
            yield f"- {say('bundle', name=self._value(bundle))}"

    def _evidence(self) -> Iterator[str]:
        for each in (*self._report.problems(), *self._report.went()):
            for item in each.finding.evidence:
                yield f"- {self._value(each.finding.code)}: {self._item(item)}"

    def _item(self, item: EvidenceItem) -> str:
        return self._words.say(
            "evidence",
            asked=self._value(item.asked),
            sent=self._value(item.sent) if item.sent else "–",
            got=self._value(item.got) if item.got else "–",
            meaning=inert(item.meaning),
        ).rstrip()

    # --- how it is written --------------------------------------------------------------------------------

    def _section(self, number: int, key: str, lines: Iterable[str]) -> str:
        gap = "\n\n" if self._markup else "\n"
        return f"{self._heading(number, key)}{gap}" + "\n".join(f"- {line}" for line in lines)

    def _heading(self, number: int, key: str) -> str:
        title = self._words.say(f"head-{key}")
        return f"## {number}. {title}" if self._markup else f"{number}. {title.upper()}"

    def _strong(self, text: str) -> str:
        return f"**{text}**" if self._markup else text

    def _value(self, value: object) -> str:
        """Return a value as it is, in a form in which nothing of it acts."""
        text = one_line(str(value))[:_LINE]
        return f"`{text.replace('`', chr(39))}`" if self._markup and text else inert(text)
