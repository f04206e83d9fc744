"""Every row of every maker's error table has its texts in both languages, fit for whom they are for."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from probes.devices.fiscal import errors
from probes.devices.fiscal.judge import CODES
from supportctl.catalog import Catalog
from supportctl.core.language import LANGUAGES
from supportctl.core.report import Who

ROWS = [(table, number) for table in errors.tables() for number in errors.numbers(table)]
SHOP_PEOPLE = {"cashier", "shop-manager"}
FOR_THEM = [row for row in ROWS if errors.look_up(*row).who in SHOP_PEOPLE]
IMPERATIVE_RU = re.compile(r"^(?:не )?[а-яё]+те(?:сь)?\b", re.IGNORECASE)
FOR_CASHIERS = re.compile(r"://|\b0x|\bport\b|\bпорт\b|\berrors?\b|\bошиб(?:к|оч)", re.IGNORECASE)


@pytest.mark.parametrize(("table", "number"), ROWS)
def test_a_row_is_whole(table: str, number: int) -> None:
    row = errors.look_up(table, number)
    assert row is not None
    assert row.code is None or row.code in CODES
    assert row.who in get_args(Who)
    for lang in LANGUAGES:
        for key in (row.meaning, row.first_step):
            text = Catalog(lang).meaning(key, {})
            assert text != key, f"{lang}: no text {key}"
            assert bool(re.search("[а-яё]", text)) is (lang == "ru"), f"{lang} {key}: {text}"


@pytest.mark.parametrize(
    ("table", "number"), [row for row in ROWS if errors.look_up(*row).who in SHOP_PEOPLE]
)
def test_a_cashiers_first_step_is_for_a_cashier(table: str, number: int) -> None:
    row = errors.look_up(table, number)
    assert row is not None
    for lang in LANGUAGES:
        step = Catalog(lang).meaning(row.first_step, {})
        assert step[0].isupper(), step
        assert not FOR_CASHIERS.search(step), step
        assert lang == "en" or IMPERATIVE_RU.match(step), step
        for sentence in re.split(r"(?<=[.?!:…])\s+", step):
            assert len(sentence.split()) <= 15, sentence


def test_numbers_are_shown_as_the_vendor_writes_them() -> None:
    for table, number in ROWS:
        row = errors.look_up(table, number)
        assert row is not None
        assert row.meaning.endswith(f"error-{errors.shown(table, number)}")


def test_an_unlisted_number_is_none_and_a_table_that_is_not_there_is_a_slip_of_ours() -> None:
    with pytest.raises(FileNotFoundError):
        errors.look_up("no-such-maker", 1)
    for table in errors.tables():
        assert errors.look_up(table, 0xFFFF) is None
