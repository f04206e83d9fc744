"""Where recordings may lie: the web, and what the configuration names; never somebody's own network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supportctl.app.resend_recordings import Recordings
from supportctl.core.site import SiteConfig

INSIDE = [
    "http://127.0.0.1/a.mp3", "http://127.1/a", "http://2130706433/a", "http://0x7f000001/a", "http://0177.0.0.1/",
    "http://0/a", "http://10.0.0.5/a", "https://192.168.1.1/a", "http://172.16.0.1", "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data", "http://[::1]/a", "http://[fe80::1]/a", "http://[fd00::1]/",
    "http://[::ffff:127.0.0.1]/a", "http://[64:ff9b::7f00:1]/a", "http://[2002:7f00:1::]/a", "http://224.0.0.1/",
    "http://localhost/a", "http://localhost./a", "http://pbx/a", "http://pbx.local/a", "http://a.internal/",
    "http://PBX.LAN/a", "http://１２７.0.0.1/a", "http://127。0。0。1/a", "http://999.1.1.1.1/",
    "http://300.1.1.1/",
]  # fmt: skip
NO_ADDRESS = ["/var/spool/a.wav", "file:///etc/passwd", "C:\\rec\\a.mp3", "ftp://rec.example/a", "a.mp3",
              "data:x", "javascript:alert(1)", "//rec.example/a"]  # fmt: skip
BAD = [
    "http://", "https://user:pw@rec.example/a", "https://u@rec.example/", "http://[::1/a", "http://a.example:x/",
    "http://rec.example/a b", "http://rec.example\\@10.0.0.1/", "https://rec.example/\r\nHost: a",
]  # fmt: skip
WELL = ["https://rec.example/a.mp3", "http://app.uiscom.ru/system/media/1", "https://8.8.8.8/a",
        "https://xn--e1afmkfd.xn--p1ai/a", "https://rec.example:8443/a?x=1"]  # fmt: skip


def rule(recordings=(), **telephony):
    return Recordings(SiteConfig(resend={"recordings": list(recordings)}, telephony=telephony))


@pytest.mark.parametrize("address", INSIDE)
def test_an_internal_address_is_refused(address):
    assert rule().refusal(address).reason in {"resend.recording-inside", "resend.recording-bad"}


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_none_of_the_web_is_refused(address):
    assert rule().refusal(address).reason == "resend.recording-path"


@pytest.mark.parametrize("address", BAD)
def test_what_cannot_be_understood_is_refused(address):
    assert rule().refusal(address).reason == "resend.recording-bad"


@pytest.mark.parametrize("address", WELL)
def test_an_address_in_the_internet_is_taken(address):
    assert rule().refusal(address) is None


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("10.1.2.3", "http://10.1.2.3/a"),
        ("10.1.2.3", "http://0x0a010203/a"),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/a"),
        ("10.1.0.0/16", "https://10.1.9.9/a"),
        ("pbx.local", "https://PBX.local:1234/a"),
        ("https://pbx", "https://pbx/a"),
        ("*.rec.example", "https://eu.rec.example/a"),
        ("[fd00::1]", "http://[fd00::1]/a"),
        ("fd00::/8", "http://[fd12::1]/a"),
    ],
)
def test_what_the_configuration_names_is_taken(allowed, address):
    assert rule([allowed]).refusal(address) is None


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("10.1.2.3:8080", "http://10.1.2.3/a"),
        ("10.1.0.0/16", "http://10.2.0.1/a"),
        ("*.rec.example", "https://rec.example.evil.example/a"),
        ("*.rec.example", "https://evilrec.example/a"),
        ("https://pbx", "http://pbx/a"),
        ("rec.example", "https://other.example/a"),
    ],
)
def test_with_a_list_everything_else_is_refused(allowed, address):
    assert rule([allowed]).refusal(address).reason == "resend.recording-elsewhere"


@pytest.mark.parametrize("allowed", [(), ("rec.example",)])
def test_the_telephonys_own_address_is_taken(allowed):
    found = rule(allowed, pbx={"kind": "uis", "token": "x", "url": "http://127.0.0.1:8123"})
    assert found.refusal("http://127.0.0.1:8123/system/media/1") is None
    assert found.refusal("http://127.0.0.1:8124/system/media/1") is not None
    assert found.refusal("http://127.0.0.1/") is not None


@pytest.mark.parametrize("wrong", ["10.1.0.0/99", "a b", "*.", "10.1.2.3/16"])
def test_a_place_that_is_none_is_a_mistake_of_the_configuration(wrong):
    with pytest.raises(ValidationError, match="host"):
        SiteConfig(resend={"recordings": [wrong]})


@given(st.text(max_size=60))
def test_no_text_is_a_crash(address):
    found = rule().refusal(address)
    assert found is None or found.reason.startswith("resend.recording-")


@given(st.ip_addresses(network="10.0.0.0/8"))
def test_every_form_of_an_internal_number_is_inside(number):
    for form in (str(number), str(int(number)), hex(int(number)), f"[::ffff:{number}]"):
        assert rule().refusal(f"http://{form}/a").reason == "resend.recording-inside"
