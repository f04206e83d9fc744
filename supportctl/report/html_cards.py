"""The cards of the page: one problem each, plain words and steps first, the engineer's details folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import slip, wording
from supportctl.report.markup import Html, element, joined
from supportctl.report.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supportctl.catalog import Catalog
    from supportctl.core.report import EvidenceItem, Remedy, Report, ReportedFinding
    from supportctl.report.outline import Problem


class Cards:
    """Makes cards in one language."""

    def __init__(self, report: Report, catalog: Catalog) -> None:
        self._catalog = catalog
        self._places = Places(report, catalog)

    def card(self, number: int, problem: Problem) -> Html:
        """Return the card of one problem."""
        finding = problem.finding
        know = slip.how_we_know(finding, self._catalog) if finding.how_we_know else None
        state = f"{slip.sales(finding, self._catalog)} {finding.reassurance}".strip()
        return element(
            "article",
            element(
                "p",
                element("span", self._badge(finding), class_="badge"),
                element("span", self._places.of(finding), class_="place"),
                class_="card-head",
            ),
            element("h3", _heading(slip.summary(finding, self._catalog))),
            element("p", state, class_="state"),
            self._steps(finding),
            element("p", know, class_="know") if know else None,
            self._engineer(problem),
            class_=f"card {finding.status.value}",
            id=f"finding-{number}",
        )

    def _badge(self, finding: ReportedFinding) -> str:
        if finding.stops_sales:
            return self._say("page-badge-stops")
        known = finding.status if finding.status in {Status.FAULT, Status.WARNING} else Status.UNKNOWN
        return self._say(f"page-badge-{known.value}")

    def _steps(self, finding: ReportedFinding) -> Html:
        own = [remedy for remedy in finding.remedies if remedy.who in slip.SHOP_PEOPLE]
        called = wording.who(slip.helper(finding), self._catalog, "call")
        if not own:
            step = slip.first_step(finding)
            meta = self._meta(step, "you") if step else None
            text = self._say("page-support-only", call=called)
            return element(
                "p",
                element("span", text, class_="do"),
                element("span", meta, class_="meta"),
                class_="support-only",
            )
        return joined(
            element("ol", *(self._step(remedy, "you") for remedy in own), class_="steps"),
            element("p", self._say("slip-not-helped", call=called), class_="helped"),
        )

    def _step(self, remedy: Remedy, form: str, verify: str | None = None) -> Html:
        proof = [Html(" · "), f"{self._say('page-verify')}: ", element("code", verify)] if verify else []
        return element(
            "li",
            element("span", remedy.text, class_="do"),
            element("span", self._meta(remedy, form), *proof, class_="meta"),
        )

    def _meta(self, remedy: Remedy, form: str) -> str:
        return self._say(
            "page-step-meta",
            who=wording.sentence(wording.who(remedy.who, self._catalog, form)),
            minutes=wording.minutes(remedy, self._catalog),
            risk=wording.risk(remedy, self._catalog),
        )

    def _engineer(self, problem: Problem) -> Html:
        finding = problem.finding
        facts = [
            (self._say("page-what"), joined(finding.title)),
            (self._say("page-code"), element("code", finding.code)),
            (self._say("page-target"), element("code", finding.target)),
            (self._say("page-meaning"), joined(finding.explanation)),
            (self._say("page-follows"), self._follows(problem)),
            (self._say("page-hand-over"), self._hand_over(finding)),
            (self._say("page-explain"), element("code", f"supportctl explain {finding.code}")),
        ]
        return element(
            "details",
            element("summary", self._say("page-engineer")),
            element(
                "dl", *(joined(element("dt", term), element("dd", text)) for term, text in facts if text)
            ),
            self._evidence(finding.evidence),
            self._all_steps(finding),
        )

    def _follows(self, problem: Problem) -> Html:
        titles = dict.fromkeys(
            f"{child.title} ({wording.label(child, self._catalog)})" for child in problem.follows
        )
        return joined("; ".join(titles))

    def _hand_over(self, finding: ReportedFinding) -> Html:
        if finding.hand_over_to is None:
            return Html("")
        if finding.ours:
            return joined(wording.who(finding.hand_over_to, self._catalog))
        return joined(self._say("not-ours", who=wording.who(finding.hand_over_to, self._catalog, "you")))

    def _all_steps(self, finding: ReportedFinding) -> Html:
        if not finding.remedies:
            return Html("")
        steps = [self._step(remedy, "who", remedy.verify) for remedy in finding.remedies]
        return joined(
            element("h4", self._say("page-all-steps")),
            element("ol", *steps, class_="steps small"),
        )

    def _evidence(self, items: Iterable[EvidenceItem]) -> Html:
        rows = [self._row(item) for item in items]
        if not rows:
            return Html("")
        names = ("asked", "sent", "got", "meaning", "at", "took")
        head = element("tr", *(element("th", self._say(f"page-{name}"), scope="col") for name in names))
        return joined(
            element("h4", self._say("page-evidence")),
            element("table", element("thead", head), element("tbody", *rows)),
        )

    def _row(self, item: EvidenceItem) -> Html:
        cells = (
            ("asked", element("code", item.asked)),
            ("sent", element("code", item.sent) if item.sent else Html("–")),
            ("got", element("code", item.got) if item.got is not None else joined(self._say("no-answer"))),
            ("meaning", joined(item.meaning or "–")),
            ("at", joined(wording.time_of_day(item.at, precise=True))),
            ("took", joined(self._say("ms", ms=f"{item.ms:.0f}"))),
        )
        return element(
            "tr", *(element("td", text, data_label=self._say(f"page-{name}")) for name, text in cells)
        )

    def _say(self, key: str, **args: object) -> str:
        return self._catalog.phrase(f"report.{key}", **args)


def _heading(summary: str) -> str:
    """A heading of one sentence needs no full stop."""
    text = wording.sentence(summary).strip()
    return text if ". " in text else text.removesuffix(".")
