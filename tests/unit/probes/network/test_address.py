from __future__ import annotations

import pytest

from probes.network import address
from probes.network.address import AddressProbe, Interface, interfaces_of, judge
from supportctl.core.finding import Status

ETH = Interface("eth0", True, ("192.168.1.20", "fe80::1"))


def test_an_address_towards_the_internet_is_enough() -> None:
    assert judge(["192.168.1.20"], []).code == "net.address"


def test_an_address_without_a_default_route_is_no_missing_address() -> None:
    assert judge([], [ETH]) == ("net.no-gateway", ("192.168.1.20",))


def test_an_address_that_the_computer_gave_itself_is_told_apart() -> None:
    own = Interface("Ethernet", True, ("169.254.10.1", "fe80::1"))
    assert judge([], [own]) == ("net.self-assigned-address", ("169.254.10.1",))
    assert judge(["169.254.10.1"], [own]).code == "net.self-assigned-address"


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [Interface("eth0", True, ("fe80::1",))],  # every interface has one of these, cable or not
        [Interface("eth0", False, ("192.168.1.20",))],  # an old address on an unplugged interface
    ],
)
def test_no_usable_address(listed: list[Interface]) -> None:
    assert judge([], listed).code == "net.no-address"


def test_the_loopback_is_no_network() -> None:
    found = interfaces_of(
        {
            "lo": ["127.0.0.1", "::1"],
            "Loopback Pseudo-Interface 1": ["127.0.0.1"],
            "eth0": ["10.0.0.2", "fe80::2%eth0"],
        },
        {"lo": True, "eth0": False},
    )
    assert found == [Interface("eth0", False, ("10.0.0.2", "fe80::2"))]


@pytest.mark.parametrize(
    ("sources", "listed", "code", "status"),
    [
        (("10.0.0.2",), [], "net.address", Status.OK),
        ((), [ETH], "net.no-gateway", Status.WARNING),
        ((), [Interface("eth0", True, ("169.254.1.1",))], "net.self-assigned-address", Status.WARNING),
        ((), [], "net.no-address", Status.FAULT),
    ],
)
def test_only_a_missing_address_keeps_device_probes_from_asking(
    monkeypatch, context_of, sources, listed, code, status
) -> None:
    monkeypatch.setattr(address, "source_addresses", lambda: sources)
    monkeypatch.setattr(address, "interfaces", lambda: listed)
    (finding,) = AddressProbe().run(context_of())
    assert (finding.code, finding.status) == (code, status)
    assert finding.evidence


def test_this_computer_can_be_asked() -> None:
    assert all(Interface in type(i).__mro__ for i in address.interfaces())
    assert isinstance(address.source_addresses(), tuple)
