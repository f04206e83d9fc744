"""`supportctl check` of the lab's shop systems: over sockets, by the configuration that the lab gives."""

from __future__ import annotations

import json

import pytest
import yaml

from integrations.lab.house import PortalHouse, Wanted

SPECS = (
    Wanted("stock", "moysklad", "shop"),
    Wanted("cafe", "poster", "shop"),
    Wanted("phone", "moysklad", "crm"),
)


@pytest.fixture
def checked(supportctl, tmp_path):
    """Return a function that checks the accounts of a lab: exit code, and the report."""

    def run(*names, day="gaps", faults=()):
        with PortalHouse(SPECS, day) as house:
            for name, fault in faults:
                house.switch(name, fault, on=True)
            file = tmp_path / "supportctl.yaml"
            file.write_text(yaml.safe_dump({"site": {"id": "lab"}, **house.sections()}), encoding="utf-8")
            ended = supportctl("--config", str(file), "check", *names, "--format", "json")
        assert "lab-moysklad" not in ended.out + ended.err
        assert "lab-poster" not in ended.out + ended.err
        return ended.exit_code, json.loads(ended.out)

    return run


def problems(report):
    return sorted(
        (f["name"], f["code"]) for f in report["findings"] if f["status"] in {"fault", "warning", "unknown"}
    )


def test_troubles_are_found_and_nothing_else(checked):
    exit_code, report = checked("stock", "cafe", "phone")
    assert exit_code == 3
    assert problems(report) == [
        ("cafe", "shop.cost-missing"),
        ("cafe", "shop.no-supplies"),
        ("stock", "shop.document-edited-at-night"),
        ("stock", "shop.document-edited-at-night"),
        ("stock", "shop.warehouse-mismatch"),
    ]
    mismatch = next(f for f in report["findings"] if f["code"] == "shop.warehouse-mismatch")
    assert "Касса в парке" in mismatch["title"]
    assert mismatch["title"].count("Основной склад") == 2
    assert "Шоколад" in mismatch["title"]
    assert mismatch["target"].startswith("moysklad+http://127.0.0.1:")


def test_a_healthy_shop(checked):
    exit_code, report = checked("stock", "cafe", "phone", day="healthy")
    assert (exit_code, problems(report)) == (0, [])


@pytest.mark.parametrize(
    ("name", "fault", "code"),
    [
        ("stock", "expired-token", "shop.auth-failed"),
        ("stock", "no-api-access", "shop.blocked"),
        ("stock", "rate-limited", "shop.rate-limited"),
        ("stock", "torn", "shop.unreachable"),
        ("cafe", "bad-token", "shop.auth-failed"),
        ("cafe", "access-denied", "shop.rights-limited"),
        ("cafe", "not-json", "shop.not-understood"),
        ("phone", "no-phone-solution", "crm.solution-missing"),
    ],
)
def test_faults_of_the_connection(checked, name, fault, code):
    exit_code, report = checked(name, faults=[(name, fault)])
    assert problems(report) == [(name, code)]
    assert exit_code in {3, 5}
    assert report["findings"][0]["remedies"]
