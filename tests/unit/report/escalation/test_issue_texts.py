"""Issues, comments and messages: whole in both languages, and harmless whatever a system has said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resend.fingerprint import Cause, cause
from resend.ledger.escalations import Escalation, Example
from resend.model import Acts
from resend.routing import OWN_WORDS, Escalating, assign
from supportctl.catalog import Catalog
from supportctl.core.redaction import remember
from supportctl.report.escalation.issue import IssueWriter
from supportctl.report.escalation.words import EscalationWords, harmless
from supportctl.report.resend.model import Ledger

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
FAILURES = ["sign-in", "configuration", "blocked", "data", "wait", "ambiguous", "retry", *sorted(OWN_WORDS)]
KINDS = ["opened", "again", "grew", "update", "moved", "deadline", "recovered"]


def case_of(why, *, calls=1247, destinations=("acme", "beta"), kind="opened"):
    code, who = assign(why, calls, len(destinations), 100, Escalating())
    at = NOW.timestamp()
    examples = (Example("acme", "pbx", "pbx-1", NOW.isoformat(), "+799******22"),)
    return Escalation(
        why.fingerprint, code, why, who, calls, calls, destinations, examples, at - 600, at, at + 3600,
        "open", news=1, news_kind=kind, tracker_link="https://redmine.example/issues/1",
    )  # fmt: skip


def writer(lang):
    return IssueWriter(EscalationWords(Ledger({"acme": "bitrix24"}, UTC, NOW), Catalog(lang)))


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("calls", "accounts"), [(1, 1), (60, 1), (5000, 40)])
def test_every_problem_has_whole_texts(lang, failure, calls, accounts):
    why = Cause("bitrix24", failure, "" if failure in OWN_WORDS else "http-503", "", "")
    case = case_of(why, calls=calls, destinations=tuple(f"shop-{n}" for n in range(accounts)))
    written = writer(lang)
    title, text = written.issue(case)
    digest = written.digest([case, case])
    told = "\n".join([title, text, *digest, written.closing(case), written.handed_on(case)])
    told += "\n".join(written.comment(case, kind) for kind in KINDS)
    assert "{" not in told
    assert "? " not in told.replace("drained?", "").replace("уйдёт?", "")
    assert f"supportctl escalation show {case.fingerprint}" in text
    assert "+799******22" in text
    assert "pbx-1" in text


@pytest.mark.parametrize("who", list(Acts))
def test_everybody_has_a_name(who):
    case = case_of(Cause("bitrix24", "data"))._replace(who_acts=who)
    assert writer("en").comment(case, "grew")


@given(st.text(max_size=200))
def test_words_of_others_cannot_act(text):
    told = harmless(f"x {text} y")
    assert not set("@{}[]<>|!*`#$\\\"'\n\x1b") & set(told)
    assert "://" not in told


def test_a_system_that_says_nasty_things_is_told_of_without_them():
    remember("s3cr3t-token-value")
    nasty = "User @root of {{include(x)}} [[Wiki]] !http://x/y.png! #12 token=s3cr3t-token-value +79990001122"
    case = case_of(cause("bitrix24", "data", "E_@root", nasty, "finish"), destinations=("@all", "{{x}}"))
    title, text = writer("en").issue(case)
    told = "\n".join([title, text, *writer("en").digest([case])])
    for bad in ("@", "{{", "[[", "s3cr3t", "79990001122", "http://", "#12"):
        assert bad not in told, bad


def test_one_message_has_the_largest_first_and_is_bounded():
    cases = [case_of(Cause("bitrix24", "data", f"E{n}"), calls=n + 1) for n in range(30)]
    title, text = writer("ru").digest(cases)
    assert title == "30 проблем со звонками"
    assert len(text.split("\n")) == 11
    assert "E29" in text.split("\n")[0]
