"""Words that the renderers of a run share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supportctl.report import wording

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.run_report import ActionTaken, Changed, OpenCause, RunReport, StepTaken

_UNTOUCHED = frozenset({"stopped", "not-reached"})


class RunWords:
    """The words about one run."""

    def __init__(self, report: RunReport, catalog: Catalog) -> None:
        self.report = report
        self.catalog = catalog

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of this area."""
        return self.catalog.phrase(f"handover.{key}", **args)

    def verdict(self) -> str:
        """Return how it ended."""
        who = self.who()
        return self.say(
            f"verdict-{self.report.outcome}", minutes=self.lasted(self.report.duration_s), who=who
        )

    def who(self) -> str:
        """Return who goes on."""
        name = self.report.next_step.who
        try:
            return wording.who(name, self.catalog)
        except KeyError:
            return name.rstrip(".")

    def sales(self) -> str:
        """Return what is known of the sales."""
        if self.report.stops_sales():
            return self.say("sales-stopped")
        blind = any(each.finding.status.value == "unknown" for each in self.report.problems())
        return self.say("sales-unknown" if blind or not self.report.findings else "sales-go-on")

    def lasted(self, seconds: float) -> str:
        """Return a duration."""
        whole = int(seconds)
        if whole < 60:
            return self.say("seconds", seconds=whole)
        return self.say("minutes", minutes=whole // 60, seconds=whole % 60)

    def clock(self, seconds: float) -> str:
        """Return the time of day so many seconds after the begin."""
        at = self._moment(seconds)
        return f"{at:%H:%M:%S}" if at else f"+{int(seconds)} s"

    def moment(self, seconds: float = 0.0) -> str:
        """Return day, time and zone so many seconds after the begin."""
        at = self._moment(seconds)
        if at is None:
            return self.report.started_at
        return f"{wording.moment(at.isoformat(), self.catalog)} {at:%Z}".rstrip()

    def _moment(self, seconds: float) -> datetime | None:
        try:
            return datetime.fromisoformat(self.report.started_at) + timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            return None

    def cause(self) -> str:
        """Return the sentence about the cause."""
        if self.report.cause is None:
            return self.say("no-cause")
        proved = self.report.outcome in {"solved", "out-of-scope"}
        return self.say("cause" if proved else "cause-open", cause=self.report.cause.text)

    def open_causes(self) -> list[OpenCause]:
        """Return the causes that are still possible: first those that somebody has begun to look at."""
        return sorted(self.report.remaining, key=lambda cause: cause.why in _UNTOUCHED)

    def step(self, step: StepTaken) -> str:
        """Return a step with its result."""
        return self.say("step", at=self.clock(step.at_s), text=one_line(step.text), result=step.result_text)

    def change(self, action: ActionTaken) -> str:
        """Return a change with its result and its risk."""
        result = action.result_text
        if action.undone is not None:
            undone = self.say("result-undone" if action.undone else "result-undo-failed")
            result = f"{result}; {undone}" if undone != result else result
        risk = self.catalog.phrase(f"report.risk-{action.risk}")
        at = self.clock(action.at_s)
        return self.say("change", at=at, text=one_line(action.text), result=result, risk=risk)

    def changed(self, change: Changed) -> str:
        """Return a problem that came or went."""
        return self.say("came" if change.came else "went", title=one_line(change.title), code=change.code)

    def site(self) -> str:
        """Return the shop."""
        names = dict.fromkeys(part for part in (self.report.site_name, self.report.site) if part)
        return ", ".join(names)

    def playbook(self) -> str:
        """Return the playbook."""
        played = self.report.playbook
        return self.say("playbook-version", title=played.title, name=played.name, version=played.version)

    def issue_title(self) -> str:
        """Return the title of an issue: the shop, and what is wrong."""
        problems = self.report.problems()
        what = problems[0].finding.title if problems else self.report.playbook.title
        site, what = self.site(), one_line(what).rstrip(".")
        if site:
            return self.say("issue-title", site=site, what=what)
        return self.say("issue-title-untitled", what=what)


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())
