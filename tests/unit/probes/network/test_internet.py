from __future__ import annotations

import pytest

from probes.network import internet
from probes.network.http import HttpAnswer
from probes.network.internet import InternetProbe, Page, judge, judge_answer
from supportctl.core.finding import Status

PAGE_204 = "http://check.example/generate_204"
PAGE_TEXT = "http://check.example/success.txt#success"
LOGIN = b"<html><form action=/login>"


@pytest.mark.parametrize(
    ("url", "status", "headers", "body", "outcome"),
    [
        (PAGE_204, 204, {}, b"", "open"),
        (PAGE_TEXT, 200, {}, b"success\n", "open"),
        (PAGE_204, 200, {}, LOGIN, "portal"),
        (PAGE_TEXT, 200, {}, LOGIN, "portal"),
        (PAGE_204, 302, {"location": "http://login.hotel.example/?u=x"}, b"", "portal"),
        (PAGE_204, 511, {}, LOGIN, "portal"),
        (PAGE_204, 301, {"location": "https://check.example/generate_204"}, b"", "odd"),
        (PAGE_204, 302, {"location": "/elsewhere"}, b"", "odd"),
        (PAGE_204, 302, {}, b"", "odd"),
        (PAGE_204, 503, {}, b"", "odd"),
        (PAGE_TEXT, 204, {}, b"", "odd"),
    ],
)
def test_what_an_answer_means(url, status, headers, body, outcome) -> None:
    assert judge_answer(url, HttpAnswer(status, headers, body)).outcome == outcome


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["dead", "open", "portal"], "open"),
        (["dead", "portal", "odd"], "portal"),
        (["dead", "odd"], "odd"),
        (["no-name", "dead"], "dead"),
        (["no-name", "no-name"], "no-name"),
        ([], "no-name"),
    ],
)
def test_one_page_as_it_should_be_is_proof_enough(outcomes, verdict) -> None:
    assert judge([Page("http://x", outcome, "") for outcome in outcomes]) == verdict


NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\nContent-Length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (NO_CONTENT, "net.internet", Status.OK),
        (PORTAL, "net.captive-portal", Status.FAULT),
        (BROKEN, "net.no-internet", Status.UNKNOWN),
        (b"SSH-2.0-OpenSSH\r\n", "net.no-internet", Status.UNKNOWN),
    ],
)
def test_probe(web_server, context_of, answer, code, status) -> None:
    port = web_server(answer)
    (finding,) = InternetProbe().run(context_of(connectivity_urls=(f"http://127.0.0.1:{port}/generate_204",)))
    assert (finding.code, finding.status) == (code, status)
    if code == "net.captive-portal":
        assert finding.args["portal"] == "login.hotel.example"


def test_pages_that_do_not_answer(context_of) -> None:
    (finding,) = InternetProbe().run(context_of(connectivity_urls=("http://127.0.0.1:1/",)))
    assert (finding.code, finding.status) == ("net.no-internet", Status.FAULT)
    assert finding.evidence[0].got == "link.refused"


def test_well_known_pages_that_do_not_answer_are_no_fault(monkeypatch, context_of) -> None:
    monkeypatch.setattr(internet, "_DEFAULT_URLS", ("http://127.0.0.1:1/",))
    (finding,) = InternetProbe().run(context_of())
    assert (finding.code, finding.status) == ("net.no-internet", Status.WARNING)


def test_names_that_are_not_found_are_the_question_of_another_probe(context_of) -> None:
    assert list(InternetProbe().run(context_of(connectivity_urls=("http://nowhere.invalid/",)))) == []


def test_a_proxy_is_asked_where_the_system_has_one(monkeypatch, web_server, context_of) -> None:
    port = web_server(NO_CONTENT)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.delenv("NO_PROXY", raising=False)
    (finding,) = InternetProbe().run(context_of(connectivity_urls=("http://page.invalid/generate_204",)))
    assert finding.code == "net.internet"
