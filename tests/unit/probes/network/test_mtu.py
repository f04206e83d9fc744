from __future__ import annotations

import sys

import pytest

from probes.network import mtu
from probes.network.mtu import MtuJudgement, MtuProbe, Try, judge
from supportctl.core.finding import Status


def silent(size: int) -> Try:
    return Try(size, opened=True, answered=False)


def answered(size: int, path: int | None = None) -> Try:
    return Try(size, opened=True, answered=True, path_mtu=path)


def test_large_packets_pass() -> None:
    assert judge(answered(1500, 1400), []) == MtuJudgement(black_hole=False, mtu=1400)


def test_large_packets_vanish_and_small_ones_pass() -> None:
    smaller = [silent(1492), answered(1400), answered(1280), answered(576)]
    assert judge(silent(1500), smaller) == MtuJudgement(black_hole=True, mtu=1400)


def test_a_server_that_answers_nothing_shows_nothing_about_sizes() -> None:
    assert judge(silent(1500), [silent(1280), silent(576)]) is None
    assert judge(Try(1500, opened=False, answered=False), [answered(576)]) is None


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs Linux: only there the segment size can be set"
)
def test_probe(monkeypatch, web_server, context_of) -> None:
    monkeypatch.setattr(mtu, "is_here", lambda _name: False)
    port = web_server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    context = context_of(hosts=(f"http://127.0.0.1:{port}", "ofd.example:7777"))
    (finding,) = MtuProbe().run(context)
    assert (finding.code, finding.status) == ("net.path-mtu", Status.OK)


def test_this_computer_has_no_way_to_itself(context_of) -> None:
    assert list(MtuProbe().run(context_of(hosts=("http://127.0.0.1:1",)))) == []
