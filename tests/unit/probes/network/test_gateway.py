from __future__ import annotations

import pytest

from probes.network import gateway
from probes.network.gateway import GatewayFacts, GatewayProbe, judge
from probes.network.routes import DefaultRoute
from supportctl.core.finding import Status

SILENT = ("timeout", "timeout", "timeout")


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (GatewayFacts("192.0.2.1", True, (), None), "alive"),
        (GatewayFacts("192.0.2.1", False, ("refused",), None), "alive"),
        (GatewayFacts("192.0.2.1", None, ("open",), None), "alive"),
        # the usual router of a healthy shop that ignores echo requests and drops connects
        (GatewayFacts("192.0.2.1", False, SILENT, True), "alive"),
        (GatewayFacts("192.0.2.1", False, SILENT, False), "unreachable"),
        (GatewayFacts("192.0.2.1", None, ("no-route",), None), "unreachable"),
        (GatewayFacts("192.0.2.1", False, SILENT, None), "cannot-tell"),
        (GatewayFacts("192.0.2.1", None, (), None), "cannot-tell"),
    ],
)
def test_judgement(facts: GatewayFacts, verdict: str) -> None:
    assert judge(facts) == verdict


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (GatewayFacts("192.0.2.1", True, (), True), [("net.gateway", Status.OK)]),
        (GatewayFacts("192.0.2.1", False, SILENT, False), [("net.gateway-unreachable", Status.FAULT)]),
        (GatewayFacts("192.0.2.1", False, SILENT, None), []),
    ],
)
def test_probe(monkeypatch, context_of, facts, expected) -> None:
    monkeypatch.setattr(gateway, "default_route", lambda: DefaultRoute("eth0", "192.0.2.1", 1))
    monkeypatch.setattr(gateway, "facts_of", lambda _gateway, _deadline: facts)
    assert [(f.code, f.status) for f in GatewayProbe().run(context_of())] == expected


@pytest.mark.parametrize("route", [None, DefaultRoute("ppp0", "", 1)])
def test_without_a_gateway_there_is_nothing_to_say(monkeypatch, context_of, route) -> None:
    monkeypatch.setattr(gateway, "default_route", lambda: route)
    assert list(GatewayProbe().run(context_of())) == []


def test_a_neighbour_that_answers_is_alive(context_of) -> None:
    # the loopback stands in for a gateway: its ports are closed, which is an answer
    assert judge(gateway.facts_of("127.0.0.1", context_of().deadline)) == "alive"
