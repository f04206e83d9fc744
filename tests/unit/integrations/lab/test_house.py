"""Portals behind real sockets, with the day in them, and switched as devices are."""

from __future__ import annotations

import socket

import pytest
import requests

from integrations.lab.apart import HouseApart
from integrations.lab.catalogue import PORTALS
from integrations.lab.house import PortalHouse, Wanted, check_portals
from integrations.lab.roles import CrmPortal
from supportctl.core.errors import UsageError
from supportctl.core.site import SiteConfig

PAIR = (Wanted("pbx", "uis", "telephony"), Wanted("acme", "bitrix24", "crm"))
EVERY = [(kind, section) for kind, row in PORTALS.items() for section in row.sections]


@pytest.mark.parametrize(("kind", "section"), EVERY)
def test_every_portal_opens_with_a_day_and_an_account_that_the_configuration_takes(kind, section):
    with PortalHouse([Wanted("it", kind, section)], day="gaps") as house:
        assert requests.get(f"{house.url('it')}/_lab/state", timeout=5).status_code == 200
        config = SiteConfig.model_validate(house.sections())
    if section == "notify":
        assert config.notify[0].startswith("json://127.0.0.1:")
    else:
        assert getattr(config, section)["it"].kind == kind
    assert kind == house.portal("it").kind


def test_the_day_is_in_every_crm():
    with PortalHouse(PAIR, day="gaps") as house:
        assert house.day is not None
        assert house.day.planted
        crm = house.portal("acme")
        assert isinstance(crm, CrmPortal)
        known = str(crm.state())
        arrived = next(e.call for e in house.day.happened if not house.day.gaps_of(e.call.call_id)
                       and not e.call.tags)  # fmt: skip
        assert arrived.call_id in known


def test_faults_are_switched_by_name():
    with PortalHouse(PAIR) as house:
        house.switch("acme", "unavailable", on=True)
        assert requests.get(f"{house.url('acme')}/rest/1/x/profile", timeout=5).status_code == 503
        house.clear("acme")
        assert house.portal("acme").active == ()
        for name, fault, key in (
            ("acmee", "slow", "lab.unknown-device"),
            ("acme", "slo", "lab.unknown-fault"),
        ):
            with pytest.raises(UsageError) as error:
                house.switch(name, fault, on=True)
            assert error.value.key == key


def test_a_portal_starts_with_the_faults_of_the_scenario():
    with PortalHouse([Wanted("acme", "bitrix24", "crm", faults=("slow",))]) as house:
        assert house.portal("acme").active == ("slow",)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("a", "nimbus", "crm", where="x.yaml:3"), "kind"),
        (Wanted("a", "uis", "crm", where="x.yaml:3"), "section"),
        (Wanted("a", "uis", "telephony", faults=("nonsense",), where="x.yaml:3"), "faults"),
    ],
)
def test_what_a_portal_cannot_be_is_told_with_its_place(wanted, field):
    with pytest.raises(UsageError) as error:
        check_portals([wanted])
    assert error.value.key == "lab.scenario-bad-value"
    assert error.value.args_by_name["where"] == "x.yaml:3"
    assert error.value.args_by_name["field"] == field


def test_a_port_in_use_is_told_and_closes_what_was_open():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as error:
            PortalHouse([PAIR[0], Wanted("acme", "bitrix24", "crm", port=port)])
    assert error.value.key == "lab.port-in-use"
    assert error.value.args_by_name["found"] == str(port)


def test_portals_in_a_process_of_their_own():
    with HouseApart(PAIR, day="gaps") as house:
        url = house.sections["crm"]["acme"]["url"]
        house.switch("acme", "unavailable")
        assert requests.get(f"{url}profile", timeout=5).status_code == 503
        house.switch("acme", "unavailable", on=False)
        assert requests.get(f"{url}profile", timeout=5).status_code == 200
        with pytest.raises(ValueError, match=r"lab\.unknown-fault"):
            house.switch("acme", "no-such-fault")
        assert len(house.planted) == 20
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}profile", timeout=5)
