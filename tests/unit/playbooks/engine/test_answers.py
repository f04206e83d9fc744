"""What is typed is understood strictly; what is not says what was expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks.engine import answers
from playbooks.engine.answers import MAX_TEXT, understand, yes_or_no
from playbooks.engine.model import Question
from playbooks.engine.state import AskPerson
from supportctl.core.errors import UsageError

SAY = {"en": "Say.", "ru": "Скажите."}
CHOICES = {
    "red": {"en": "Red light", "ru": "Красная лампа"},
    "green": {"en": "Green light", "ru": "Зелёная лампа"},
    "off": {"en": "No light", "ru": "Не горит"},
}


def asked(kind, **more):
    return AskPerson("x", Question(question=SAY, why=SAY, kind=kind, **more))


CHOICE = asked("choice", choices=CHOICES)
NUMBER = asked("number", at_least=10, at_most=90)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("1", "red"),
        ("off", "off"),
        ("крас", "red"),
        ("ЗЕЛЕНАЯ  лампа", "green"),
        (" green l", "green"),
        ("No", "off"),
    ],
)
def test_choices(typed, answer):
    assert understand(CHOICE, typed, "ru") == answer


@pytest.mark.parametrize(
    ("ask", "typed", "key"),
    [
        (CHOICE, "4", "answer.not-a-choice"),
        (CHOICE, "0", "answer.not-a-choice"),
        (CHOICE, "²", "answer.not-a-choice"),
        (CHOICE, "", "answer.empty"),
        (asked("choice", choices={"a": {"en": "Is on"}, "b": {"en": "Is off"}}), "is", "answer.several"),
        (asked("yes-no"), "maybe", "answer.not-yes-or-no"),
        (NUMBER, "many", "answer.not-a-number"),
        (NUMBER, "1e9", "answer.not-a-number"),
        (NUMBER, "nan", "answer.not-a-number"),
        (NUMBER, "12 or 13", "answer.not-a-number"),
        (NUMBER, "9,9", "answer.out-of-range"),
        (NUMBER, "91", "answer.out-of-range"),
        (asked("text"), "x" * (MAX_TEXT + 1), "answer.too-long"),
        (asked("photo"), "/no/such/photo.jpg", "answer.no-file"),
        (asked("photo"), "/", "answer.no-file"),
        (asked("photo"), "a\0b", "answer.no-file"),
        (AskPerson("role:x", None, ("a://1", "b://2")), "c", "answer.not-a-choice"),
    ],
)
def test_what_fits_nothing_is_told(ask, typed, key):
    with pytest.raises(UsageError) as error:
        understand(ask, typed, "en")
    assert error.value.key == key


@pytest.mark.parametrize(
    ("typed", "answer"), [("57,5", 57.5), ("80 мм", 80.0), ("10%", 10.0), ("+12.50mm", 12.5)]
)
def test_numbers(typed, answer):
    assert understand(NUMBER, typed, "ru") == answer


@pytest.mark.parametrize(
    ("typed", "answer"), [("д", "yes"), ("Да", "yes"), ("y", "yes"), ("НЕТ", "no"), ("n", "no")]
)
def test_yes_and_no(typed, answer):
    assert understand(asked("yes-no"), typed, "en") == answer
    assert yes_or_no(typed) is (answer == "yes")


def test_targets_to_choose_from():
    ask = AskPerson("role:x", None, ("tcp://1:1", "tcp://2:2"))
    assert understand(ask, "2", "en") == "tcp://2:2"
    assert understand(ask, "tcp://1", "en") == "tcp://1:1"


def test_a_text_is_one_clean_line():
    assert understand(asked("text"), " blinks \x1b[31m\n twice ", "en") == "blinks \\x1b[31m twice"


def test_a_photo_is_the_path_of_a_file(tmp_path, monkeypatch):
    photo = tmp_path / "a b.jpg"
    photo.write_bytes(b"12345")
    assert understand(asked("photo"), f"'{photo}'", "en") == str(photo)
    monkeypatch.setattr(answers, "MAX_PHOTO", 4)
    with pytest.raises(UsageError) as error:
        understand(asked("photo"), str(photo), "en")
    assert error.value.key == "answer.photo-too-big"


@given(st.sampled_from(["choice", "yes-no", "number", "text"]), st.text(max_size=700))
def test_nothing_that_is_typed_crashes(kind, typed):
    ask = asked(kind, choices=CHOICES if kind == "choice" else {})
    try:
        answer = understand(ask, typed, "ru")
    except UsageError:
        return
    assert isinstance(answer, float) == (kind == "number")
