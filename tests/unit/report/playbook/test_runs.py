"""A run as text, page, Markdown and JSON, in both languages; and whatever run chance makes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from playbook_runs import CUT_OFF, FINE, HANDED_OVER, HEADER, INTENTS, PRINTER, graph, walks

from playbooks.engine.events import Answered, Begun, Checked, Consented, HandOverNow, Shown, Waited
from supportctl.app.playbook_report import run_report
from supportctl.catalog import Catalog
from supportctl.report.playbook import FORMATS, render
from supportctl.report.playbook.as_json import run_report_schema
from supportctl.report.playbook.as_markdown import LONGEST, inert, render_markdown

GRAPH = graph()
CATALOGS = {lang: Catalog(lang) for lang in ("en", "ru")}


def told(events=HANDED_OVER, lang="en"):
    return run_report(HEADER, GRAPH, events, CATALOGS[lang], INTENTS, "Shop on Lenin street")


def test_what_a_run_learned_is_in_its_report():
    report = told()
    assert (report.outcome, report.why, report.to) == ("handed-over", "step", "vendor-engineer")
    (action,) = report.actions
    assert (action.action, action.params, action.risk) == ("service.restart", {"service": "cups"}, "undoable")
    assert (action.result, action.undone) == ("not-verified", True)
    assert action.text == "The service “cups” was restarted."
    assert [(q.step, q.answer, q.answer_text) for q in report.questions] == [
        ("lamp", "red", "Red"),
        ("serial", "SN-0815", "SN-0815"),
        ("weight", None, None),
    ]
    assert [(f.finding.code, f.first_s, f.last_s) for f in report.problems()] == [
        ("printer.paper-out", 2.0, 2.0),
        ("link.refused", 112.0, 112.0),
    ]
    assert {each.what for each in report.not_checked} == {"Scale", "Weight?", "printer.cover"}


def test_what_nobody_could_see_is_not_ruled_out():
    report = told()
    assert {cause.id: cause.why for cause in report.remaining} == {"paper": "unclear", "cover": "unclear"}
    assert [cause.id for cause in report.ruled_out] == ["service"]


def test_a_connection_that_is_down_rules_nothing_out():
    events = (
        HANDED_OVER[0],
        Checked(2.0, (CUT_OFF,), (PRINTER,)),
        *(Answered(3.0 + n, "off") for n in range(3)),
    )
    report = told((*events, Waited(20.0), Shown(21.0)))
    assert {cause.id: cause.why for cause in report.remaining} == {"paper": "unclear", "cover": "unclear"}
    seen = (HANDED_OVER[0], Checked(2.0, (CUT_OFF, FINE), (PRINTER,)), *events[2:], Waited(20.0), Shown(21.0))
    assert told(seen).remaining == ()
    assert told(seen).next_step.text == CATALOGS["en"].phrase("handover.next-unknown")


def test_what_cannot_be_asked_any_more_has_not_gone():
    (step,) = (step for step in told().steps if step.id == "restart" and step.result == "not-verified")
    assert [(change.code, change.came) for change in step.changed] == [("link.refused", True)]
    assert told().went() == ()


def test_what_was_refused_is_not_ruled_out():
    begun, looked, *_ = HANDED_OVER
    events = (
        begun,
        looked,
        Answered(3.0, "red"),
        Answered(4.0, "x"),
        Answered(5.0, None),
        Consented(9.0, False),
    )
    report = told((*events, HandOverNow(12.0)))
    assert {cause.id: cause.why for cause in report.remaining}["service"] == "refused"
    assert report.actions[0].result == "refused"
    assert report.next_step.command == f"supportctl playbook resume {HEADER.run}"
    assert f"`supportctl playbook resume {HEADER.run}`" in render(report, "markdown", catalog=CATALOGS["en"])


def test_no_command_where_a_run_cannot_go_on():
    assert told().next_step.command is None


def test_an_action_whose_end_nobody_saw_is_told_so():
    *before, _acted, _looked, _undone, _waited, _shown = HANDED_OVER
    assert told(before).actions[0].result == "unclear"


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_verdict_comes_first_and_it_fits_a_screen(lang):
    text = render(told(lang=lang), "text", catalog=CATALOGS[lang], width=100)
    assert text.startswith({"en": "Not solved in 2 min 11 s.", "ru": "За 2 мин 11 с не решено."}[lang])
    assert len(text.splitlines()) <= 50
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("words", [
    "@everyone #12 !7 [x](http://evil.example) ![i](x) <img src=x> {{macro}} [[page]] `code` *b* ~tag",
    "www.evil.example a@b.example javascript:alert(1) &4 _x_ $1",
])  # fmt: skip
def test_words_of_others_do_not_act_in_a_tracker(words):
    shown = inert(words)
    assert not set("@[]<>{}`*~$|") & set(shown)
    assert not [mark for mark in ("#1", "!7", "://", "www.", "&4", "javascript:", " _x") if mark in shown]
    begun, looked, *_ = HANDED_OVER
    report = told((begun, looked, Answered(3.0, "red"), Answered(4.0, words), HandOverNow(5.0)))
    plain = render_markdown(report, CATALOGS["en"], markup=False)
    assert not set("@[]<>{}`*~$|") & set(plain)
    marked = render_markdown(report, CATALOGS["en"])
    assert words.replace("`", "'") in marked  # whole, but in a span of code


def test_a_packet_of_a_large_run_stays_small_enough_for_a_tracker():
    finding = HANDED_OVER[1].findings[0]
    many = finding._replace(evidence=finding.evidence[0:1] * 3000, args={"x": "y" * 500})
    report = told((HANDED_OVER[0], Checked(2.0, (many,) * 50, ("x",)), HandOverNow(3.0)))
    assert len(render_markdown(report, CATALOGS["en"])) <= LONGEST


@settings(max_examples=60)
@given(walks())
def test_any_run_can_be_told_and_nothing_of_it_is_lost(walk):
    events, state = walk
    schema = pytest.importorskip("jsonschema").Draft202012Validator(run_report_schema())
    for lang, catalog in CATALOGS.items():
        report = told(events, lang)
        shown = {form: render(report, form, catalog=catalog) for form in FORMATS}
        assert all(text.endswith("\n") for text in shown.values())
        schema.validate(json.loads(shown["json"]))
        packet = shown["markdown"]
        for value in state.answers.values():
            if isinstance(value, str):
                assert value.replace("`", "'") in packet
        for finding in state.findings:
            if finding.status.value in {"fault", "warning", "unknown"}:
                assert finding.code in packet
                assert finding.code in shown["text"] or "more" in shown["text"] or "ещё" in shown["text"]
        for action in report.actions:
            assert action.action in packet
            assert action.action in shown["html"]
        causes = {cause.id for cause in (*report.remaining, *report.ruled_out)}
        assert causes <= set(GRAPH.causes)
        assert set(state.ruled_out) <= causes


def test_the_renderers_are_told_plain_values():
    assert json.loads(render(told(), "json", catalog=CATALOGS["en"])) == json.loads(
        json.dumps(asdict(told()))
    )


def test_a_run_that_has_hardly_begun():
    report = told((Begun(0.0, {}),))
    assert report.outcome == "running"
    assert render(report, "text", catalog=CATALOGS["en"]).startswith("The run is not over.")


def test_there_is_no_other_format():
    with pytest.raises(ValueError, match="pdf"):
        render(told(), "pdf", catalog=CATALOGS["en"])


@pytest.mark.parametrize("format_", ["text", "html", "markdown"])
def test_causes_that_somebody_began_with_come_before_untouched_ones(format_):
    report = told()
    first, second = report.remaining
    untouched = replace(first, text="Never looked at", why="stopped")
    begun = replace(second, text="Begun with", why="unfinished")
    shown = render(replace(report, remaining=(untouched, begun)), format_, catalog=CATALOGS["en"])
    assert shown.index("Begun with") < shown.index("Never looked at")


def test_a_long_list_of_the_page_is_folded_and_whole():
    report = told()
    many = tuple(replace(report.remaining[0], text=f"Cause {n}.") for n in range(10, 40))
    page = render(replace(report, remaining=many), "html", catalog=CATALOGS["en"])
    assert "<summary>and 24 more</summary>" in page
    assert all(cause.text in page for cause in many)
    assert page.index("Cause 15.") < page.index("and 24 more") < page.index("Cause 16.")


def test_what_was_found_stands_before_what_may_still_be():
    page = render(told(), "html", catalog=CATALOGS["en"])
    assert page.index("<h2>Found") < page.index("<h2>Still open")


@pytest.mark.parametrize("form", FORMATS)
def test_a_default_password_stays_in_our_words_and_goes_from_what_was_typed(form):
    ours, typed = "Введите пароль оператора 4321", "пароль оператора 8765"
    report = told()
    lamp, *rest = report.questions
    asked = replace(lamp, question=ours, answer_text=ours)
    serial = replace(rest[0], answer=typed, answer_text=typed)
    action = replace(report.actions[0], params={"note": typed})
    shown = render(
        replace(report, ticket=typed, operator=typed, questions=(asked, serial), actions=(action,)),
        form,
        catalog=CATALOGS["ru"],
    )
    assert "8765" not in shown
    assert "4321" in shown
