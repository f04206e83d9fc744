"""Where did each call go: the lab's day, compared from the command line: what was planted and no more."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from integrations.lab.house import PortalHouse, Wanted
from integrations.lab.portal import COMMON_FAULTS
from supportctl.report.sync.as_json import schema

PAIR = (Wanted("pbx", "uis", "telephony"), Wanted("acme", "bitrix24", "crm"))
COMMAND = [sys.executable, "-P", "-c", "from supportctl.cli.main import main; main()"]
STATES = {  # what the page calls them
    "sync.call-missing": "Not in Bitrix24",
    "sync.duplicate-call": "Entered more than once",
    "sync.phantom-call": "Only in Bitrix24",
}


def config_of(house, folder):
    """Write the configuration of a house; return its path."""
    sections = {"site": {"id": "lab", "phone_region": "RU"}, **house.sections()}
    path = folder / "supportctl.yaml"
    path.write_text(json.dumps(sections), encoding="utf-8")  # a JSON text is a YAML text
    return str(path)


@pytest.fixture
def house(tmp_path):
    """A day with gaps, and its configuration; portals of its own, whose limits nobody has used."""
    with PortalHouse(PAIR, day="gaps") as opened:
        yield opened, config_of(opened, tmp_path)


def planted(house, **more):
    """Return what has to be found, as (code, id of the call); a phantom has none."""
    return sorted(
        (gap.code, "" if gap.code == "sync.phantom-call" else gap.call_id)
        for gap in house.day.expected(**more)
    )


def found_in(document):
    return sorted((gap["code"], gap["call"]["call_id"] if gap["call"] else "") for gap in document["gaps"])


def check(supportctl, config, *words):
    return supportctl(
        "--lang", "en", "--config", config,
        "sync", "check", "--source", "pbx", "--crm", "acme", "--since", "24h", *words,
    )  # fmt: skip


@pytest.mark.parametrize("verify", [False, True])
def test_exactly_the_planted_gaps_as_json(supportctl, house, verify):
    ended = check(supportctl, house[1], "--format", "json", *(["--verify-recordings"] if verify else []))
    assert (ended.exit_code, ended.err) == (3, "")
    document = json.loads(ended.out)
    assert found_in(document) == planted(house[0], verify_recordings=verify)
    assert document["schema"] == "supportctl.gaps/1"
    assert (document["complete"], document["problems"], document["rejected"]) == (True, [], [])
    assert document["calls"] == len(house[0].day.happened)
    assert (
        document["matched"]
        == document["calls"] - document["excluded"]["internal"] - (document["counts"]["sync.call-missing"])
    )
    assert sum(document["counts"].values()) == len(document["gaps"])
    resendable = {gap["code"] for gap in document["gaps"] if gap["resendable"]}
    assert resendable == {"sync.call-missing", "sync.recording-missing"}


def test_the_document_is_as_its_schema_says(supportctl, house):
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads(check(supportctl, house[1], "--format", "json").out)
    jsonschema.Draft202012Validator(schema()).validate(document)


def test_the_schema_needs_no_configuration(supportctl):
    ended = supportctl("sync", "check", "--schema")
    assert ended.exit_code == 0
    assert json.loads(ended.out)["properties"]["schema"]["const"] == "supportctl.gaps/1"


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_planted_gaps_as_text(supportctl, house, lang):
    ended = check(supportctl, house[1], "--limit", "50", "--lang", lang)
    assert (ended.exit_code, ended.err) == (3, "")
    told = {call_id for _, call_id in planted(house[0]) if call_id}
    lines = ended.out.splitlines()
    assert told <= set(re.findall(r"\b9001\d{5}\b", ended.out))
    assert len(lines) < 60
    assert max(len(line) for line in lines if "supportctl" not in line) <= 124
    healthy = [e.call.call_id for e in house[0].day.happened if not house[0].day.gaps_of(e.call.call_id)]
    assert not any(call_id in ended.out for call_id in healthy)
    assert "resend add --destination acme" in ended.out


def test_the_page_has_every_call(supportctl, house, tmp_path):
    page = tmp_path / "calls.html"
    ended = check(supportctl, house[1], "--format", "html", "--output", str(page))
    assert (ended.exit_code, ended.out) == (3, "")
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    day = house[0].day
    assert len(data["rows"]) == len(day.happened) + len(day.phantoms)
    assert {row[13] for row in data["rows"]} >= {each.call.call_id for each in day.happened}
    names = {state: name for state, name, _ in data["states"]}
    assert STATES.items() <= names.items()
    assert not re.search(r"(?:src|href)=\"(?!data:)", text.partition("<script")[0]), "nothing is fetched"


def test_a_healthy_day_is_clean(supportctl, tmp_path):
    with PortalHouse(PAIR, day="healthy") as house:
        config = config_of(house, tmp_path)
        ended = check(supportctl, config, "--format", "json", "--verify-recordings")
        text = check(supportctl, config)
    document = json.loads(ended.out)
    assert (ended.exit_code, document["gaps"], document["verdict"]) == (0, [], "ok")
    assert (text.exit_code, "Every call is where it belongs." in text.out) == (0, True)


def test_clocks_that_differ_are_one_sentence(supportctl, tmp_path):
    with PortalHouse(PAIR, day="gaps-clock") as house:
        config = config_of(house, tmp_path)
        document = json.loads(check(supportctl, config, "--format", "json").out)
        text = check(supportctl, config).out
        assert found_in(document) == planted(house)
    assert document["clock_offset_s"] == 3 * 3600
    assert "The clock of Bitrix24 is 3 hours ahead of that of UIS." in text


@pytest.mark.parametrize(
    ("portal", "fault", "code", "exit_code"),
    [
        ("pbx", "expired-token", "telephony.key-expired", 3),
        ("pbx", "blocked-token", "telephony.key-blocked", 3),
        ("pbx", "ip-not-whitelisted", "telephony.ip-not-allowed", 3),
        ("pbx", "account-inactive", "telephony.account-inactive", 3),
        ("pbx", "internal-error", "telephony.system-error", 3),
        ("pbx", "reset", "telephony.unreachable", 3),
        ("pbx", "not-json", "telephony.not-understood", 5),
        ("pbx", "unavailable", "telephony.system-error", 3),
        ("acme", "expired-token", "crm.token-expired", 3),
        ("acme", "invalid-credentials", "crm.webhook-invalid", 3),
        ("acme", "missing-scope", "crm.scope-missing", 3),
        ("acme", "no-statistics-right", "crm.rights-missing", 3),
        ("acme", "overload-blocked", "crm.blocked", 3),
        ("acme", "portal-deleted", "crm.account-closed", 3),
        ("acme", "payment-required", "crm.payment-required", 3),
        ("acme", "not-json", "crm.not-understood", 5),
        ("acme", "reset", "crm.unreachable", 3),
    ],
)
def test_every_fault_of_a_portal_has_its_own_message(supportctl, house, portal, fault, code, exit_code):
    house[0].switch(portal, fault, on=True)
    ended = check(supportctl, house[1], "--format", "json")
    document = json.loads(ended.out)
    assert ended.exit_code == exit_code
    assert [(p["code"], p["name"]) for p in document["problems"]] == [(code, portal)]
    assert document["problems"][0]["remedies"], "somebody must act"
    assert (document["complete"], document["gaps"]) == (False, []), "what was not read is not missing"


def test_a_side_that_fails_in_the_middle_claims_nothing(supportctl, house):
    """The second page of the CRM breaks: what was read of it is not the whole."""
    crm = house[0].portal("acme")
    crm.operations.clear()
    check(supportctl, house[1], "--format", "json")
    pages = [name for name in crm.operations if "statistic" in name]
    assert len(pages) > 1 or pages, "the calls are read"
    crm.switch("server-error", on=True, operations=pages[-1])
    document = json.loads(check(supportctl, house[1], "--format", "json").out)
    assert (document["complete"], document["gaps"]) == (False, [])


def test_calls_that_the_crm_hides_from_us_are_not_resent(supportctl, house):
    house[0].switch("acme", "restricted-rights", on=True)
    document = json.loads(check(supportctl, house[1], "--format", "json").out)
    assert not document["complete"]
    assert [p["code"] for p in document["problems"]] == ["crm.rights-limited"]
    assert not any(g["resendable"] for g in document["gaps"] if g["code"] == "sync.call-missing")


@pytest.mark.parametrize("fault", sorted(COMMON_FAULTS.keys() - {"slow", "never-ending"}))
@pytest.mark.parametrize("portal", ["pbx", "acme"])
def test_a_network_that_breaks_once_is_got_over(supportctl, house, portal, fault):
    house[0].portal(portal).switch(fault, on=True, times=1)
    ended = check(supportctl, house[1], "--format", "json")
    document = json.loads(ended.out)
    assert ended.exit_code in {3, 5}
    assert found_in(document) == planted(house[0]) or not document["complete"]


def test_the_way_of_one_call(supportctl, house):
    day = house[0].day
    missing = next(gap.call_id for gap in day.planted if gap.code == "sync.call-missing")
    arrived = next(e.call for e in day.happened if not day.gaps_of(e.call.call_id) and e.recording == "sound"
                   and e.call.contact_phone.startswith("+7900"))  # fmt: skip
    ended = supportctl("--lang", "en", "--config", house[1], "sync", "trace", missing)
    assert ended.exit_code == 3
    assert "the call did not arrive" in ended.out
    assert "notifications" in ended.out
    ended = supportctl("--config", house[1], "sync", "trace", arrived.call_id, "--format", "json")
    document = json.loads(ended.out)
    assert ended.exit_code == 0
    assert document["schema"] == "supportctl.trace/1"
    assert [trace["call"]["call_id"] for trace in document["traces"]] == [arrived.call_id]
    assert document["traces"][0]["crm"][0]["external_id"] == arrived.call_id
    assert document["traces"][0]["notifications"][0]["ok"] is True
    assert document["traces"][0]["ledger"] is None
    local = "8" + arrived.contact_phone[2:]
    document = json.loads(supportctl("--config", house[1], "sync", "trace", local, "--format", "json").out)
    assert {t["call"]["contact_phone"] for t in document["traces"]} == {arrived.contact_phone}
    assert arrived.call_id in {trace["call"]["call_id"] for trace in document["traces"]}


def test_the_way_of_a_call_that_only_the_crm_knows(supportctl, house):
    phantom = house[0].day.phantoms[0]
    ended = supportctl("--lang", "en", "--config", house[1], "sync", "trace", phantom.contact_phone)
    assert ended.exit_code == 0
    assert "knows no such call" in ended.out
    ended = supportctl("--lang", "en", "--config", house[1], "sync", "trace", "no-such-call")
    assert ended.exit_code == 5
    assert "Nothing about no-such-call" in ended.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check", "--source", "pbxx"], "sync.unknown-account"),
        (["check", "--crm", "pbx"], "sync.unknown-account"),
        (["check", "--since", "yesterday"], "sync.bad-time"),
        (["check", "--since", "1h", "--until", "2h"], "sync.bad-window"),
        (["check", "--tolerance", "soon"], "usage.bad-value"),
        (["trace"], "usage.missing"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_mistakes_are_told_kindly(supportctl, house, words, code, lang):
    ended = supportctl("--lang", lang, "--config", house[1], "sync", *words, "--format", "json")
    assert ended.exit_code == 2
    error = json.loads(ended.out)["error"]
    assert error["code"] == code
    assert all(error.values())


def test_without_a_configuration(supportctl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        json.loads(supportctl("sync", "check", "--format", "json").out)["error"]["code"] == "sync.no-config"
    )
    (tmp_path / "supportctl.yaml").write_text("site: {id: a}\n")
    error = json.loads(supportctl("sync", "check", "--format", "json").out)["error"]
    assert error["code"] == "sync.no-accounts"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_with_one_document_that_claims_nothing(house):
    house[0].portal("acme").slow_s = 30.0
    house[0].switch("acme", "slow", on=True)
    asked = house[0].portal("acme").operations
    asked.clear()
    words = ["--config", house[1], "sync", "check", "--since", "24h", "--format", "json"]
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        end = datetime.now().astimezone() + timedelta(seconds=20)
        while not asked and datetime.now().astimezone() < end:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    document = json.loads(out)
    assert (process.returncode, err) == (5, "")
    assert (document["complete"], document["gaps"]) == (False, [])


def test_a_pipe_gets_no_progress(house):
    words = ["--config", house[1], "sync", "check", "--since", "24h"]
    ended = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "\x1b" not in ended.stdout
