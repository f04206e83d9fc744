"""Codecs of the services' answers: what may be asked, and that nothing that comes back does harm."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import marking, marking_cdn, utm
from probes.protocols.json_object import JsonObjectError, flag, inner, number, read_object, text

CODECS = (utm, marking, marking_cdn)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "version", "contour", "rsaError", "checkInfo", "ownerId", "db", "rsa", "gost", "license", "expireDate",
    "isValid", "status", "operationMode", "lastSync", "lastUpdate", "dbVersion", "requiresDownload",
    "replicationStatus", "localDocCount", "serverDocCount", "code", "hosts", "host", "avgTimeMs",
)  # fmt: skip
PARSERS = [
    (utm.parse_info, utm.RemoteProtocolError),
    (utm.parse_diagnosis, utm.RemoteProtocolError),
    (marking.parse_status, marking.RemoteProtocolError),
    (marking_cdn.parse_info, marking_cdn.RemoteProtocolError),
    (marking_cdn.parse_health, marking_cdn.RemoteProtocolError),
]


@pytest.mark.parametrize("codec", CODECS)
def test_only_reads_can_be_encoded(codec):
    for path in codec.READS:
        assert codec.request(path, "h").startswith(f"GET {path} HTTP/1.1\r\n".encode())
    for path in ("/", "/api/v1/init", "/api/v1/cis/check", "/opt/in", "/api/v4/true-api/codes/check", ""):
        with pytest.raises(codec.LocalProtocolError):
            codec.request(path, "h")


@pytest.mark.parametrize(("parse", "error"), PARSERS)
@given(body=st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(parse, error, body):
    with contextlib.suppress(error):
        parse(body)


@pytest.mark.parametrize(("parse", "error"), PARSERS)
@given(fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12))
def test_fields_of_any_type_raise_nothing_else(parse, error, fields):
    with contextlib.suppress(error):
        parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"1", b'"a"', b"{", b'{"a": NaN}', b'{"a": Infinity}', b"\xff{}", b"[" * 20_000,
     b'{"a": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_no_object(body):
    with pytest.raises(JsonObjectError):
        read_object(body)


def test_values_have_one_type():
    assert read_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert [text(v) for v in (" a ", 1, None, ["a"])] == ["a", "", "", ""]
    assert [number(v) for v in (7, True, "7", 7.0, None)] == [7, None, None, None, None]
    assert [flag(v) for v in (True, "False", 1, "yes", None)] == [True, False, None, None, None]
    assert inner([]) is None


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "1"><!ENTITY y "&x;&x;&x;&x;">]><A><CN>&y;</CN></A>"""
OUTSIDE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><A><CN>&x;</CN></A>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        OUTSIDE,
        b"<!DOCTYPE A><A><CN>030000123456</CN></A>",
        b"<A><CN>03<b/></CN>",
        b"<A><CN>FSRAR</CN></A>",
        b"<A><CN/></A>",
        b"<A><CN>1</CN></A>" + b" " * 5000,
        b'<?xml version="1.0" encoding="x-y"?><A/>',
    ],
)
def test_xml_that_is_refused(body):
    with pytest.raises(utm.RemoteProtocolError):
        utm.parse_diagnosis(body)


def test_diagnosis():
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n<A>\n  <CN>030000123456</CN>\n</A>'
    assert utm.parse_diagnosis(body) == "030000123456"


EKB = timezone(timedelta(hours=5))


@pytest.mark.parametrize(
    ("said", "expected"),
    [  # the forms that three public clients parse
        ("2026-12-01 10:11:12 +0500", datetime(2026, 12, 1, 10, 11, 12, tzinfo=EKB)),
        ("2026-12-01 10:11:12 +05:00", datetime(2026, 12, 1, 10, 11, 12, tzinfo=EKB)),
        ("2026-12-01T10:11:12.345+0500", datetime(2026, 12, 1, 10, 11, 12, tzinfo=EKB)),
        ("2026-12-01T10:11:12Z", datetime(2026, 12, 1, 10, 11, 12, tzinfo=UTC)),
        ("01.12.2026 10:11:12+0500", datetime(2026, 12, 1, 10, 11, 12, tzinfo=EKB)),
        ("01.12.2026", datetime(2026, 12, 1)),  # noqa: DTZ001  it tells no zone
        ("2026-13-01", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times(said, expected):
    assert utm.parse_time(said) == expected


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_none(said):
    utm.parse_time(said)
    utm.unsent(said)


def test_hosts_of_the_cdn():
    rows = ["https://cdn01.crpt.ru", "cdn02.crpt.ru:19101", "http://cdn03.crpt.ru", "https://[", "", 7]
    body = json.dumps({"code": 0, "hosts": [{"host": row} for row in rows]}).encode()
    assert marking_cdn.parse_info(body) == (0, (("cdn01.crpt.ru", 443), ("cdn02.crpt.ru", 19101)))


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("cdn.crpt.ru", "cdn01.crpt.ru", True),
        ("cdn.crpt.ru", "CDN.CRPT.RU", True),
        ("cdn.crpt.ru", "cdn.crpt.ru.evil.example", False),
        ("cdn.crpt.ru", "crpt.ru.evil", False),
        ("cdn.crpt.ru", "evil.ru", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.1.0.1", False),
        ("localhost", "127.0.0.1", False),
    ],
)
def test_a_token_stays_in_its_domain(name, other, same):
    assert marking_cdn.same_owner(name, other) is same
