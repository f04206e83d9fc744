"""Documents without secrets: forms of a secret, names that say it all, telephone numbers."""

from __future__ import annotations

import pytest

from supportctl.core.finding import Meaning, Status
from supportctl.core.scrubbing import is_secret_name, remember_forms, scrubbed, scrubbed_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call +7 916 123-45-67 now", "call +7 9** ***-**-67 now"),
        ("89161234567", "8916*****67"),
        ("8 (916) 123-45-67", "8 (9**) ***-**-67"),
        ("+442071838750", "+442*******50"),
        ("storage 9999078900004312", "storage 9999078900004312"),
        ("at 2026-11-22T14:00:00", "at 2026-11-22T14:00:00"),
        ("INN 7707083893, tcp://10.0.0.5:9100", "INN 7707083893, tcp://10.0.0.5:9100"),
        ("serial 81234567890-A", "serial 81234567890-A"),
    ],
)
def test_telephone_numbers(text, shown):
    assert scrubbed_text(text) == shown


def test_what_is_called_a_secret_is_hidden_whatever_it_is():
    told = scrubbed(
        {"password": "x", "deep": [{"apiKey": "y", "api_key": 5}], "ref": {"token": "secret://env/A"}}
    )
    assert told == {
        "password": "***",
        "deep": [{"apiKey": "***", "api_key": "***"}],
        "ref": {"token": "secret://env/A"},
    }
    assert not is_secret_name("pinned")
    assert (
        scrubbed_text("""{'password': 'x y', "my_token" : "z"}""")
        == """{'password': '***', "my_token" : "***"}"""
    )


def test_parts_of_an_address_are_known():
    remember_forms("https://hooks.example/services/T0123456789abc/short")
    assert scrubbed_text("see T0123456789abc in services") == "see *** in services"


def test_kinds_of_values_stay():
    assert scrubbed((Status.OK, True, 1.5, None)) == (Status.OK, True, 1.5, None)
    assert isinstance(scrubbed([Status.OK])[0], Status)
    assert scrubbed(Meaning("password=abc")) == "password=***"
