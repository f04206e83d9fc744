from __future__ import annotations

import pytest

from probes.network.proxies import Proxy, ProxyProbe, in_the_way, parse_proxies
from supportctl.core.finding import Status


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy", "socks_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_settings_are_read_without_their_secrets() -> None:
    found = parse_proxies(
        {"http": "http://user:secret@proxy.example:3128", "https": "proxy.example", "all": "socks5://[::1]:1080",
         "no": "localhost", "ftp": "http://proxy.example:bad", "x": ""}
    )  # fmt: skip
    assert found == [
        Proxy("all", "::1", 1080), Proxy("http", "proxy.example", 3128), Proxy("https", "proxy.example", 80),
    ]  # fmt: skip
    assert "secret" not in repr(found)


def test_local_services_must_be_left_alone() -> None:
    hosts = ["127.0.0.1", "192.168.1.9", "portal.example", "localhost"]
    proxies = [Proxy("http", "proxy.example", 3128)]
    assert in_the_way(proxies, hosts, lambda host: host == "localhost") == ["127.0.0.1", "192.168.1.9"]
    assert in_the_way([], hosts, lambda _host: False) == []
    assert in_the_way([Proxy("ftp", "proxy.example", 1)], hosts, lambda _host: False) == []


def test_no_proxy_is_fine(context_of) -> None:
    (finding,) = ProxyProbe().run(context_of())
    assert (finding.code, finding.status, finding.args["proxies"]) == ("net.proxy-settings", Status.OK, "-")


def test_a_proxy_that_answers_and_one_that_does_not(monkeypatch, context_of, web_server) -> None:
    port = web_server(b"")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert [f.code for f in ProxyProbe().run(context_of())] == ["net.proxy-settings"]
    monkeypatch.setenv("https_proxy", "http://u:secret@127.0.0.1:1")
    (finding,) = ProxyProbe().run(context_of())
    assert (finding.code, finding.status) == ("net.proxy", Status.FAULT)
    assert finding.args["proxy"] == "127.0.0.1:1"
    assert "secret" not in repr(finding)


def test_a_local_service_behind_the_proxy_is_a_warning(monkeypatch, context_of, web_server) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{web_server(b'')}")
    context = context_of(web_hosts=("localhost", "127.0.0.1"))
    (finding,) = ProxyProbe().run(context)
    assert (finding.code, finding.status) == ("net.proxy-local", Status.WARNING)
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert [f.code for f in ProxyProbe().run(context)] == ["net.proxy-settings"]
