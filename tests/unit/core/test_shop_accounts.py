"""`shop:` of the configuration: hours of the day, one way to sign in, no unknown keys."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supportctl.app.config_file import load_config
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError
from supportctl.core.shop_accounts import Hours, MoySkladStock, PosterStock


def stock(**values):
    return MoySkladStock.model_validate({"kind": "moysklad", "token": "secret://env/T", **values})


def test_defaults():
    account = stock()
    assert (str(account.night), account.late_edit_after, account.look_back) == ("23:00-06:00", 86400, 604800)
    assert PosterStock(kind="poster", token="1:a").no_supplies_days == 14


@pytest.mark.parametrize("text", ["23:00-06:00", "23:00 – 6:00", " 0:30-23:59 "])
def test_hours(text):
    night = stock(night=text).night
    assert stock(night=str(night)).night == night
    assert stock(night="23:00-06:00").model_dump(mode="json")["night"] == "23:00-06:00"


@pytest.mark.parametrize(
    "text", ["", "23-6", "24:00-06:00", "23:60-06:00", "06:00-06:00", "23:00", 5, "2३:00-06:00"]
)
def test_what_are_no_hours(text):
    with pytest.raises(ValidationError, match="bad-hours"):
        stock(night=text)


@given(st.times(), st.times(), st.times())
def test_every_moment_is_in_the_hours_or_in_the_rest_of_the_day(begin, end, moment):
    if begin != end:
        assert Hours(begin, end).have(moment) != Hours(end, begin).have(moment)


def test_hours_past_midnight():
    night = Hours(time(23), time(6))
    assert [night.have(time(hour)) for hour in (22, 23, 0, 5, 6)] == [False, True, True, True, False]


@pytest.mark.parametrize(
    "way",
    [
        {"token": None},
        {"token": None, "login": "a@b"},
        {"token": None, "password": "secret://env/P"},
        {"login": "a@b", "password": "secret://env/P"},
        {"login": "a@b"},
    ],
)
def test_one_way_to_sign_in(way):
    with pytest.raises(ValidationError, match="token-or-login"):
        stock(**way)


def test_login_with_password_is_one():
    assert stock(token=None, login="a@b", password="secret://env/P").login == "a@b"


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_mistakes_have_words_and_a_nearest_key(tmp_path, lang):
    file = tmp_path / "supportctl.yaml"
    file.write_text('shop: {stock: {kind: moysklad, token: "secret://env/T", nigth: "23:00-06:00"}}\n')
    with pytest.raises(UsageError) as error:
        load_config(file)
    assert error.value.key == "config.unknown-key"
    assert "night" in Catalog(lang).error(error.value.key, error.value.args_by_name)["hint"]


def test_a_password_in_the_file_is_not_shown(tmp_path):
    file = tmp_path / "supportctl.yaml"
    file.write_text("shop: {stock: {kind: moysklad, login: a, password: [hunter22], token: x}}\n")
    with pytest.raises(UsageError) as error:
        load_config(file)
    assert "hunter22" not in str(error.value)
