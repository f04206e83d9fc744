"""Every key that the code names has its texts in both languages, and no text is left over."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from integrations.registry import CHECKS, check_class
from probes.registry import BUILT_IN
from supportctl.catalog import Catalog
from supportctl.catalog.templates import fields
from supportctl.core.language import LANGUAGES
from supportctl.core.report import Risk, Who

KINDS = ("problems", "passed", "evidence", "phrases", "errors")
CATALOG = Catalog("en")
DECLARED = {
    **{entry.id: entry.load().codes for entry in BUILT_IN},
    **{probe_id: check_class(probe_id).codes for probe_id in CHECKS},
}
ALWAYS = {"target", "because"}  # compose gives these to the texts of every finding
NOT_ARGUMENTS = {"started", "sent", "got", "status", "evidence"}  # parameters of the call itself
FACTS = {"statuses", "stops_sales", "ours", "hand_over_to", "remedies"}
REMEDY = {"who", "minutes", "risk", "action", "verify"}
WORDS = {"title", "summary", "know", "safe", "explanation", "detected", "remedies"}
ERROR = {"message", "expected", "found", "hint"}


def none(found: object) -> None:
    """Fail with one line for each thing that was found."""
    assert not found, "\n" + "\n".join(sorted(map(str, found)))


def texts_of(entry: object) -> dict[str, str]:
    """Return the sentences of an entry by their place in it."""
    if isinstance(entry, str):
        return {"": entry}
    items = entry.items() if isinstance(entry, dict) else enumerate(entry)
    return {f"{name}{rest}": text for name, inner in items for rest, text in texts_of(inner).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_have_the_same_keys(tables, kind):
    english, russian = (set(tables[f"{lang}/{kind}"]) for lang in LANGUAGES)
    assert english == russian


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_have_the_same_fields(tables, kind):
    english, russian = (tables[f"{lang}/{kind}"] for lang in LANGUAGES)
    wrong = []
    for key in english.keys() & russian.keys():
        ours = {place: fields(text) for place, text in texts_of(english[key]).items()}
        theirs = {place: fields(text) for place, text in texts_of(russian[key]).items()}
        if ours != theirs:
            wrong.append(f"{key}: {ours} | {theirs}")
    none(wrong)


def test_facts_and_words_belong_together(tables):
    assert set(tables["codes"]) == set(tables["en/problems"])


def test_entries_have_no_unknown_and_no_missing_parts(tables):
    wrong = []
    for key, facts in tables["codes"].items():
        wrong += (
            [f"codes {key}: {set(facts) - FACTS}"] if set(facts) - FACTS or not facts.get("statuses") else []
        )
        wrong += [f"codes {key}: {set(r) ^ REMEDY}" for r in facts.get("remedies", ()) if set(r) - REMEDY]
    for lang in LANGUAGES:
        for key, entry in tables[f"{lang}/problems"].items():
            missing = WORDS - {"safe", "remedies"} - set(entry)
            wrong += (
                [f"{lang} {key}: {missing or set(entry) - WORDS}"] if missing or set(entry) - WORDS else []
            )
        for key, entry in tables[f"{lang}/errors"].items():
            wrong += [f"{lang} error {key}"] if set(entry) - ERROR or not entry.get("message") else []
    none(wrong)


def test_facts_are_sound(tables):
    wrong = []
    for key in tables["codes"]:
        facts = CATALOG.facts(key)
        wrong += [
            f"{key}: {s}" for s in facts.statuses if s not in {"ok", "warning", "fault", "unknown", "skipped"}
        ]
        wrong += [f"{key}: hands over to {facts.hand_over_to}"] * (
            facts.hand_over_to not in {None, *get_args(Who)}
        )
        wrong += [f"{key}: stops sales, but is never a fault"] * (
            facts.stops_sales and "fault" not in facts.statuses
        )
        for remedy in facts.remedies:
            who = remedy.who in {*get_args(Who), "{who}"}  # an argument: each finding names its own
            sound = who and remedy.risk in get_args(Risk) and remedy.minutes > 0
            wrong += [] if sound else [f"{key}: {remedy}"]
    none(wrong)


def test_every_problem_says_what_to_do(tables):
    broken = {k for k in tables["codes"] if set(CATALOG.facts(k).statuses) & {"fault", "warning", "unknown"}}
    none({key for key in broken if not CATALOG.facts(key).remedies})


def test_remedies_of_facts_and_words_are_as_many(tables):
    counts = {
        key: [
            len(CATALOG.facts(key).remedies),
            *(len(Catalog(lang).words(key).remedies) for lang in LANGUAGES),
        ]
        for key in tables["codes"]
    }
    none([f"{key}: {count}" for key, count in counts.items() if len(set(count)) > 1])


def test_verify_names_a_question(tables):
    wrong = {
        (key, remedy.verify)
        for key in tables["codes"]
        for remedy in CATALOG.facts(key).remedies
        if remedy.verify and remedy.verify not in tables["en/passed"]
    }
    none(wrong)


def test_every_code_that_can_be_emitted_has_its_texts(tables, source):
    known = {*tables["codes"], *tables["en/passed"]}
    said = {(s.key, s.where) for s in source.said if s.kind == "problems" and s.key not in known}
    declared = {(code, probe) for probe, codes in DECLARED.items() for code in codes if code not in known}
    none(said | declared)


def test_a_probe_emits_only_what_it_declares_and_declares_what_exists(source):
    """What no probe declares can never be told by one: it is a slip of the pen."""
    declared = {code for codes in DECLARED.values() for code in codes}
    wings = ("probes/", "integrations/")
    said = {(s.key, s.where) for s in source.said if s.kind == "problems" and s.where.startswith(wings)}
    none({(key, where) for key, where in said if key not in declared and not key.startswith("check.")})


@pytest.mark.parametrize("kind", ["evidence", "errors", "phrases"])
def test_every_key_that_is_named_has_its_texts(tables, source, kind):
    known = tables[f"en/{kind}"]
    none({(said.key, said.where) for said in source.said if said.kind == kind and said.key not in known})


def test_strings_in_tables_name_what_exists(tables, source):
    """A key that stands in a table of a probe, not in a call, is found by its area."""
    areas = {
        key.partition(".")[0] for kind in ("problems", "passed", "evidence") for key in tables[f"en/{kind}"]
    }
    known = {
        *tables["codes"],
        *tables["en/passed"],
        *tables["en/evidence"],
        *tables["en/errors"],  # reasons of rejected records
        *DECLARED,
    }
    loose = {
        (text, where)
        for text, where in source.strings.items()
        if where.startswith(("probes/", "integrations/"))
        and text.partition(".")[0] in areas
        and text not in known
    }
    none(loose)


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_left_over(tables, source, kind):
    none({key for key in tables[f"en/{kind}"] if not source.uses(key)})


def test_the_status_is_one_that_the_facts_allow(tables, source):
    wrong = {
        (said.key, said.status, said.where)
        for said in source.said
        if said.kind == "problems" and said.key in tables["codes"] and said.status not in {"skipped", None}
        if said.status not in CATALOG.facts(said.key).statuses
    }
    none(wrong)


def test_ok_is_said_with_a_question(tables, source):
    wrong = {
        (said.key, said.where)
        for said in source.said
        if said.kind == "problems" and said.status == "ok" and said.key in tables["codes"]
        if said.key not in tables["en/passed"] and "ok" not in CATALOG.facts(said.key).statuses
    }
    none(wrong)


def test_every_call_gives_the_arguments_of_its_texts(tables, source):
    """A text with `{port}` needs `port=`; a call that hands on `**args` is left to its module's tests."""
    wrong = []
    for said in source.said:
        kind = "passed" if said.kind == "problems" and said.status == "ok" else said.kind
        if said.args is None or said.key not in tables[f"en/{kind}"]:
            continue
        entry = tables[f"en/{kind}"][said.key]
        needed = frozenset().union(*map(fields, texts_of(entry).values()))
        given = said.args
        if said.kind in {"problems", "evidence"}:
            given = given - NOT_ARGUMENTS | (ALWAYS if said.kind == "problems" else set())
        missing = needed - given
        wrong += [f"{said.where} {said.key}: {', '.join(sorted(missing))}"] * bool(missing)
    none(wrong)


def test_detection_and_passed_lines_are_whole_sentences(tables):
    for lang in LANGUAGES:
        for key, entry in tables[f"{lang}/problems"].items():
            assert not fields(entry["detected"]), f"{lang} {key}: `detected` is shown without a finding"
            assert entry["detected"].endswith("."), f"{lang} {key}"


def test_each_language_is_written_in_its_letters(tables):
    cyrillic = re.compile("[а-яё]", re.IGNORECASE)
    wrong = []
    for kind in KINDS:
        for key in tables[f"en/{kind}"]:
            wrong += [f"en {kind} {key}"] * bool(
                cyrillic.search(" ".join(texts_of(tables[f"en/{kind}"][key]).values()))
            )
    for key, entry in tables["ru/problems"].items():
        told = {place: text for place, text in texts_of(entry).items() if not re.fullmatch(r"\{\w+\}", text)}
        wrong += [f"ru {key} {place}" for place, text in told.items() if not cyrillic.search(text)]
    none(wrong)


def test_texts_are_tidy(tables):
    wrong = [
        f"{folder} {key}{place}: {text!r}"
        for folder, entries in tables.items()
        for key, entry in entries.items()
        if folder != "codes"
        for place, text in texts_of(entry).items()
        if text != text.strip() or re.search(r"(?<=\S)  |\t|\.\.\.| ,|\s\.(?:\s|$)", text)
    ]
    none(wrong)
