"""Target URLs: what is right comes back as it was, what is wrong is named, no secret is shown."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import supportctl.core.secrets
import supportctl.core.target
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError
from supportctl.core.target import DEVICE_PROTOCOLS, SERVICE_WIRES, THIS_COMPUTER, parse_target

GOOD = {
    "escpos+tcp://192.168.1.50:9100": ("escpos", "tcp", "192.168.1.50", 9100, ""),
    "escpos+tcp://printer": ("escpos", "tcp", "printer", 9100, ""),
    "star+tcp://[fe80::1]:9100": ("star", "tcp", "fe80::1", 9100, ""),
    "serial:///dev/ttyUSB0?baud=9600&parity=none": (None, "serial", "", None, "/dev/ttyUSB0"),
    "serial:///COM3": (None, "serial", "", None, "COM3"),
    "serial://com12": (None, "serial", "", None, "COM12"),
    "cas+serial:///dev/ttyS1?bytesize=7&parity=even": ("cas", "serial", "", None, "/dev/ttyS1"),
    "atol+http://127.0.0.1:16732": ("atol", "http", "127.0.0.1", 16732, ""),
    "escpos+rfc2217://10.0.0.9:4001?baud=19200": ("escpos", "rfc2217", "10.0.0.9", 4001, ""),
    "utm://127.0.0.1": ("utm", "http", "127.0.0.1", 8080, ""),
    "ipp://printer/ipp/print": ("ipp", "http", "printer", 631, "/ipp/print"),
    "tcp://printer:9100": (None, "tcp", "printer", 9100, ""),
    "https://ofd.example/x": (None, "https", "ofd.example", 443, "/x"),
}  # fmt: skip
BAD = {
    "": "target.not-a-url",
    "printer": "target.not-a-url",
    "escpos://printer": "target.no-wire",
    "ftp://printer": "target.unknown-wire",
    "escpso+tcp://printer:9100": "target.unknown-protocol",
    "escpos+tpc://printer:9100": "target.unknown-wire",
    "tcp://:9100": "target.no-host",
    "tcp://a b:9100": "target.no-host",
    "tcp://printer": "target.no-port",
    "tcp://printer:99999": "target.bad-address",
    "tcp://printer:port": "target.bad-address",
    "tcp://[::1:9100": "target.bad-address",
    "tcp://printer:9100?baud": "target.bad-options",
    "serial:///dev/ttyS0?baud=9600&baud=1200": "target.option-twice",
    "serial:///dev/ttyS0?baud=fast": "target.bad-option",
    "serial:///dev/ttyS0?baud=1": "target.bad-option",
    "serial:///dev/ttyS0?parity=maybe": "target.bad-option",
    "serial:///dev/ttyS0?speed=9600": "target.unknown-option",
    "serial://": "target.no-serial-port",
    "serial://ttyUSB0": "target.no-serial-port",
    "escpos+usb://04b8": "target.bad-usb",
    "escpos+usb://zzzz:0001": "target.bad-usb",
    "tcp://" + "a" * 3000 + ":9100": "target.too-long",
}


@pytest.mark.parametrize(("url", "parts"), GOOD.items(), ids=GOOD)
def test_good_urls(url, parts):
    target = parse_target(url)
    assert (target.protocol, target.wire, target.host, target.port, target.path) == parts
    assert parse_target(target.url) == target


@pytest.mark.parametrize(("url", "key"), BAD.items(), ids=[url[:40] or "empty" for url in BAD])
def test_bad_urls(url, key):
    with pytest.raises(UsageError) as error:
        parse_target(url)
    assert error.value.key == key
    for lang in ("en", "ru"):
        texts = Catalog(lang).error(key, error.value.args_by_name)
        assert all(texts[part] for part in ("message", "expected", "hint"))
        assert bool(texts["found"]) is bool(url)


def test_every_error_has_its_texts_and_no_text_is_left_over():
    for module, area in ((supportctl.core.target, "target"), (supportctl.core.secrets, "secret")):
        source = Path(module.__file__).read_text(encoding="utf-8")
        raised = set(re.findall(rf'"({area}\.[a-z-]+)"', source))
        for lang in ("en", "ru"):
            folder = Path(supportctl.__file__).parent / f"catalog/{lang}/errors/{area}.toml"
            written = {
                f"{area}.{name}" for name in re.findall(r"(?m)^\[([a-z0-9-]+)\]", folder.read_text("utf-8"))
            }
            assert written == raised


def test_nearest_word_is_named():
    with pytest.raises(UsageError) as error:
        parse_target("escpso+tcp://h:1")
    assert error.value.args_by_name["nearest"].startswith("escpos")


@pytest.mark.parametrize("option", ["password", "token", "key", "pin", "community", "secret"])
def test_secrets_are_not_shown(option):
    target = parse_target(f"shtrih+tcp://10.0.0.5?{option}=hunter2")
    assert "hunter2" not in target.url
    assert target.secrets == (option,)
    assert target.option(option) == "hunter2"


def test_same_wire_same_endpoint():
    serial = parse_target("serial:///dev/ttyS0?baud=9600")
    assert serial.endpoint == parse_target("escpos+serial:///dev/ttyS0").endpoint
    assert serial.endpoint != parse_target("serial:///dev/ttyS1").endpoint
    assert THIS_COMPUTER.named("pc").endpoint == THIS_COMPUTER.endpoint


def test_speaking_keeps_the_wire_and_adds_options():
    target = parse_target("serial:///dev/ttyS0?baud=9600").named("x").speaking("escpos", baud="19200")
    assert target.url == "escpos+serial:///dev/ttyS0?baud=19200"
    assert target.name == "x"


_host = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,4})?", fullmatch=True)
_value = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_option = st.sampled_from(["password", "token", "pin", "model", "slot"])


@given(
    st.sampled_from([*DEVICE_PROTOCOLS, None]),
    _host,
    st.integers(1, 65535),
    st.dictionaries(_option, _value, max_size=3),
)
def test_round_trip(protocol, host, port, options):
    query = f"?{urlencode(options)}" if options else ""
    target = parse_target(f"{f'{protocol}+' if protocol else ''}tcp://{host}:{port}{query}")
    assert dict(target.options) == options
    again = parse_target(target.url)
    assert (again.protocol, again.host, again.port) == (protocol, host, port)
    shown = {key: "***" if key in target.secrets else value for key, value in options.items()}
    assert dict(again.options) == shown
    assert again.url == target.url


@given(st.from_regex(r"/dev/[A-Za-z0-9._ %#ü+-]{1,12}", fullmatch=True), st.sampled_from(["9600", "115200"]))
def test_round_trip_of_serial_ports(path, baud):
    from urllib.parse import quote

    target = parse_target(f"serial://{quote(path)}?baud={baud}")
    assert target.path == path
    assert parse_target(target.url) == target


@given(st.text(max_size=80))
def test_any_text_is_a_target_or_a_usage_error(text):
    for prefix in ("", "tcp://", "escpos+serial:///", "usb://", "http://"):
        try:
            target = parse_target(prefix + text)
        except UsageError:
            continue
        assert target.url.isprintable()


def test_services_have_a_wire():
    for protocol, wire in SERVICE_WIRES.items():
        assert parse_target(f"{protocol}://127.0.0.1:1000").wire == wire


def test_an_operator_of_fiscal_data_may_be_named_instead_of_its_host():
    target = parse_target("ofd://?operator=taxcom")
    assert (target.host, target.port, target.option("operator")) == ("", None, "taxcom")
    assert parse_target(target.url) == target
    assert parse_target("ofd://ofd.example:7777").port == 7777
    with pytest.raises(UsageError) as caught:
        parse_target("ofd://")
    assert caught.value.key == "target.no-host"


def test_the_usual_port_depends_on_the_wire_where_it_does():
    assert parse_target("marking://localhost").port == 5995
    assert parse_target("marking+https://cdn.example").port == 443
    assert parse_target("utm://127.0.0.1").port == 8080


def test_name_and_password_of_a_web_address_are_kept_and_not_shown():
    target = parse_target("atol+http://ka%40ssa:pa%2Fss@127.0.0.1")
    assert (target.user, target.option("password"), target.port) == ("ka@ssa", "pa/ss", 16732)
    assert target.secrets == ("password",)
    assert "pa" not in target.url.replace("password", "")
    assert parse_target("atol+http://a:b@h?password=c").option("password") == "c"
