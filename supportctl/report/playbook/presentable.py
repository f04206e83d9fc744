"""The last gate before the report of a run is shown or written: no secret, no whole telephone number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from supportctl.core.scrubbing import scrubbed

if TYPE_CHECKING:
    from supportctl.core.run_report import QuestionAsked, RunReport


def presentable(report: RunReport) -> RunReport:
    """Return the report with every text scrubbed.

    What people typed goes as people write it, too; texts of the catalogue and of playbooks stay whole, even
    where they name a vendor's default password.
    """
    typed = replace(
        report,
        ticket=scrubbed(report.ticket),
        operator=scrubbed(report.operator),
        questions=tuple(_question(asked) for asked in report.questions),
        actions=tuple(replace(action, params=scrubbed(action.params)) for action in report.actions),
    )
    return scrubbed(typed, prose=False)


def _question(asked: QuestionAsked) -> QuestionAsked:
    """Scrub what was typed; the words of a choice are the playbook's."""
    typed = asked.answer_text == asked.answer
    words = scrubbed(asked.answer_text) if typed else asked.answer_text
    return replace(asked, answer=scrubbed(asked.answer), answer_text=words)
