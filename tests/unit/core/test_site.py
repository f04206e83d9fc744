"""The values of a configuration: durations, rates, addresses, secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supportctl.core.fields import address_holds_secret, duration_text, rate_text
from supportctl.core.site import ResendSettings, SiteConfig


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h", 86400), ("1m", 60), ("90s", 90), ("1.5h", 5400), ("250ms", 0.25), ("30d", 2592000)],
)
def test_durations(text, seconds):
    assert ResendSettings.model_validate({"horizon": text}).horizon == seconds


@given(st.integers(1, 10**6), st.sampled_from(["s", "m", "h"]))
def test_duration_round_trip(count, unit):
    seconds = ResendSettings.model_validate({"horizon": f"{count}{unit}"}).horizon
    assert ResendSettings.model_validate({"horizon": duration_text(seconds)}).horizon == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1 h 5", "1y", "१h", "1e9h"])
def test_what_is_no_duration(text):
    with pytest.raises(ValidationError):
        ResendSettings.model_validate({"horizon": text})


def crm(**values):
    entry = {"kind": "webhook", "url": "https://x.example", **values}
    return SiteConfig.model_validate({"crm": {"a": entry}}).crm["a"]


@given(st.integers(1, 1000), st.sampled_from(["s", "m", "h"]))
def test_rate_round_trip(count, unit):
    rate = crm(rate=f"{count}/{unit}").rate
    assert crm(rate=rate_text(rate)).rate == pytest.approx(rate)


def test_numbers_may_be_texts():
    assert crm(fallback_employee="7").fallback_employee == 7
    assert crm(fallback_employee="ivanov").fallback_employee == "ivanov"


@pytest.mark.parametrize(
    "url",
    ["http://192.168.1.2/", "ftp://x.example", "https://", "https:// x", "http://127.0.0.1.example/", "//x"],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(ValidationError):
        crm(url=url)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://x.example/", False),
        ("https://user@x.example/", False),
        ("https://user:pw@x.example/", True),
        ("https://x.example/rest/1/abcdef/", True),
        ("https://x.example/rest/", False),
        ("https://[broken", True),
    ],
)
def test_addresses_that_carry_a_secret(url, secret):
    assert address_holds_secret(url) is secret


def test_an_empty_configuration_is_whole():
    config = SiteConfig()
    assert config.parsed_targets() == ()
    assert config.site.id is None
    assert config.entry("x") is None


def test_nothing_can_be_changed_afterwards():
    with pytest.raises(ValidationError):
        SiteConfig().store = "x"
