"""supportctl explain and supportctl codes: the sentences, and what a script gets."""

from __future__ import annotations

import json
import re

import pytest

from supportctl.catalog import Catalog
from supportctl.catalog.explanation import Explanation, Question, explain
from supportctl.catalog.templates import fields, with_names
from supportctl.core.errors import UsageError


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_code_and_question_can_be_explained(supportctl, lang):
    catalog = Catalog(lang)
    for code in {*catalog.codes(), *catalog.questions()}:
        exit_code, out, err = supportctl("--lang", lang, "explain", code)
        assert (exit_code, err) == (0, "")
        assert out.startswith(f"{code}: ")
        assert "{" not in re.sub("`[^`]*`", "", out)  # in what a person types, braces are meant
        assert "?" not in out.partition("\n")[0], "a field is shown by its name, not as a gap"


def test_a_problem_says_who_does_what_and_whether_to_go_on_selling(supportctl):
    _, out, _ = supportctl("explain", "check.probe-crashed", "--lang", "en")
    for expected in (
        "UNKNOWN. We do not know whether sales are affected.",
        "What it means",
        "How it is detected",
        "What to do\n  1. Run the same command again",
        "who: first-line support · about 2 min · risk: changes nothing",
        "Hand it over to: developers.",
        "‹probe›",
    ):
        assert expected in out


def test_json_has_the_same_facts(supportctl):
    exit_code, out, _ = supportctl("explain", "check.probe-crashed", "--format", "json")
    document = json.loads(out)
    assert exit_code == 0
    assert document["schema"] == "supportctl.explanation/1"
    assert document["statuses"] == ["unknown"]
    assert document["remedies"][0]["who"] == "first-line"
    assert document["hand_over_to"] == "developers"


def test_a_code_may_be_typed_carelessly(supportctl):
    assert supportctl("explain", " Check.Probe-Crashed ")[0] == 0


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("check.probe-crash", "check.probe-crashed"),
        ("crashed", "check.probe-crashed"),
        ("x", "supportctl codes"),
    ],
)
def test_an_unknown_code_is_wrong_usage_with_the_nearest_codes(supportctl, typed, nearest):
    exit_code, out, err = supportctl("explain", typed)
    assert (exit_code, out) == (2, "")
    assert nearest in err


def test_an_unknown_code_cannot_act_on_the_terminal(supportctl):
    _, _, err = supportctl("explain", "\x1b[2Jcheck.\u202eprobe")
    assert "\x1b[2J" not in err
    assert "\\x1b[2j" in err


def test_codes_are_one_a_line(supportctl):
    exit_code, out, _ = supportctl("codes")
    assert exit_code == 0
    assert out.splitlines() == list(Catalog("en").codes())


def test_codes_as_json_have_titles_in_the_language(supportctl):
    _, out, _ = supportctl("codes", "--format", "json", "--lang", "ru")
    rows = {row["code"]: row for row in json.loads(out)["codes"]}
    assert rows.keys() == set(Catalog("ru").codes())
    assert rows["check.interrupted"]["title"].startswith("Не проверено")


def test_a_question_names_the_problems_that_it_finds():
    catalog = Catalog("en")
    for question in catalog.questions():
        found = explain(question, catalog)
        assert isinstance(found, Question | Explanation)
        if isinstance(found, Question):
            assert all(code in catalog.codes() for code, _ in found.problems)


def test_explain_raises_the_kind_error():
    with pytest.raises(UsageError) as raised:
        explain("no.such", Catalog("en"))
    assert raised.value.key == "explain.unknown-code"


def test_fields_of_a_template():
    assert fields("{a} and {b}, {{not this}}") == {"a", "b"}
    assert with_names("port {port}") == "port ‹port›"


@pytest.mark.parametrize("template", ["{x:.1f}", "{x!r}", "{}", "{x.y}", "{x", "x}"])
def test_a_field_is_a_plain_name(template):
    with pytest.raises(ValueError):
        fields(template)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_codes_complete_in_the_shell(shell):
    from click.shell_completion import get_completion_class

    from supportctl.cli.main import cli

    completion = get_completion_class(shell)(cli, {}, "supportctl", "_SUPPORTCTL_COMPLETE")
    found = completion.get_completions(["explain"], "check.probe-c")
    assert [item.value for item in found] == ["check.probe-crashed"]
