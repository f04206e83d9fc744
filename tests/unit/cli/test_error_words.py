"""What click and the system say in English is said in the chosen language, with the value that was found."""

from __future__ import annotations

import json
import os
import re
from errno import EACCES, EADDRINUSE, ENOENT

import click
import pytest

from supportctl.catalog import Catalog
from supportctl.cli.errors import error_texts, from_click, tell_error
from supportctl.cli.options import Seconds


@click.command()
@click.argument("name")
@click.option("--lang", type=click.Choice(["en", "ru"]))
@click.option("--limit", type=click.IntRange(1, 1000))
@click.option("--deadline", type=Seconds(0.5, 3600))
@click.option("--watch", is_flag=True)
def command(**_values):
    """Take everything."""


CASES = [
    (["a", "--lang", "de"], "usage.bad-value", "de", "--lang: en, ru"),
    (["a", "--limit", "many"], "usage.bad-value", "many", "--limit: 1 … 1000"),
    (["a", "--limit", "0"], "usage.bad-value", "0", "--limit: 1 … 1000"),
    (["a", "--deadline", "nan"], "usage.bad-value", "nan", "--deadline: 0.5 … 3600"),
    (["a", "--deadline", "-1"], "usage.bad-value", "-1.0", "--deadline: 0.5 … 3600"),
    (["a", "b", "c"], "usage.too-many", "b c", "--help"),
    (["a", "--limit"], "usage.missing", "", "--limit …"),
    (["a", "--watch=5"], "usage.unwanted-value", "--watch", "--watch"),
    ([], "usage.missing", "", "NAME"),
]


def complaint(words):
    with pytest.raises(click.ClickException) as caught:
        command.main(words, "tool", standalone_mode=False)
    return from_click(caught.value)


@pytest.mark.parametrize(("words", "key", "found", "expected"), CASES)
def test_a_complaint_of_click_has_our_words_and_the_value(words, key, found, expected):
    error = complaint(words)
    assert error.key == key
    texts = error_texts(Catalog("ru"), error.key, error.args_by_name)
    assert found in texts["found"]
    assert expected in texts["expected"]
    said = " ".join(texts.values())
    assert not re.search(r"\b(is not|unexpected|requires|valid|range)\b", said), said
    assert "'" not in said


@pytest.mark.parametrize("number", [ENOENT, EACCES, EADDRINUSE])
def test_what_the_system_says_is_said_in_the_chosen_language(number):
    args = {"found": "/no/report.html", "reason": os.strerror(number)}
    russian = error_texts(Catalog("ru"), "check.cannot-write", args)["found"]
    assert os.strerror(number) not in russian
    assert re.search("[а-я]", russian)
    assert russian.startswith("/no/report.html: ")


def test_another_reason_stays_as_it_is():
    args = {"found": "x", "reason": "the dog ate it"}
    assert error_texts(Catalog("ru"), "check.cannot-write", args)["found"] == "x: the dog ate it"


def test_a_script_still_gets_one_document(capsys):
    assert tell_error(complaint(["a", "b"]), ["--format", "json"], "en") == 2
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == "usage.too-many"
    assert document["error"]["found"] == "too many: b"
