"""The client: ways in, batches, and that limits are kept rather than met."""

from __future__ import annotations

import pytest
from bitrix24_lab import HOOK, PHONE, URL, Lab

from integrations.crm.bitrix24.client import Command
from integrations.crm.bitrix24.php import encoded
from integrations.lab.bitrix24.params import from_query
from integrations.lab.bitrix24.portal import Token
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.redaction import redact

STATISTICS = "voximplant.statistic.get"
REGISTER = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2, "SHOW": 0, "ADD_TO_CHAT": 0}


@pytest.mark.parametrize("end", ["", "/", "/profile.json", "/profile"])
def test_the_webhook_as_people_copy_it(lab, end):
    client = lab.client(url=f"{URL}{HOOK}{end}")
    assert client.is_webhook
    assert (client.host, client.portal, client.webhook_user) == ("acme.example", URL, "1")
    assert client.call("profile", {}, lab.deadline()).result["ID"] == "1"


def test_the_code_of_a_webhook_is_never_told(lab):
    lab.client()
    assert "labwebhook" not in redact(f"{HOOK} labwebhookcode01")


def test_an_application_signs_in_with_its_token():
    lab = Lab(rate=0, tokens={"abc": Token(1, "5")})
    client = lab.client(url=URL, token="abc")
    assert not client.is_webhook
    assert client.call("app.info", {}, lab.deadline()).result["ID"] == 5


def test_secrets_are_looked_up_and_a_token_that_was_renewed_meanwhile_is_used():
    lab = Lab(rate=0, tokens={"new": Token(1, "5")})
    kept = ["old"]
    client = lab.client(
        lambda reference: kept[0] if reference.startswith("secret://") else reference,
        url=URL, token="secret://env/TOKEN",
    )  # fmt: skip
    lab.portal.switch("expired-token", on=True, times=1)
    kept[0] = "new"
    answer = client.call("telephony.externalCall.register", REGISTER, lab.deadline(), reads=False)
    assert answer.result["CALL_ID"]
    assert lab.portal.operations == ["telephony.externalCall.register"] * 2
    assert lab.portal.state()["open"] == 1


def test_a_token_that_nobody_renewed_is_told():
    lab = Lab(rate=0, tokens={"old": Token(1, "5")})
    lab.portal.switch("expired-token", on=True)
    with pytest.raises(ServiceError) as caught:
        lab.client(url=URL, token="old").call("profile", {}, lab.deadline())
    assert caught.value.failure is Failure.SIGN_IN


@pytest.mark.parametrize("fault", ["query-limit", "lost-answer", "server-error", "unavailable", "not-json"])
def test_a_write_is_never_repeated(lab, fault):
    lab.portal.switch(fault, on=True)
    with pytest.raises(ServiceError):
        lab.client().call("telephony.externalCall.register", REGISTER, lab.deadline(), reads=False)
    assert lab.portal.operations == ["telephony.externalCall.register"]


@pytest.mark.parametrize(
    "fault", ["query-limit", "reset", "server-error", "unavailable", "not-json", "internal-error"]
)
def test_a_read_is_repeated_when_that_may_help(lab, fault):
    lab.portal.switch(fault, on=True, times=1)
    assert lab.client().call("profile", {}, lab.deadline()).result["ID"] == "1"


@pytest.mark.parametrize(
    "fault", ["overload-blocked", "portal-deleted", "invalid-credentials", "access-denied"]
)
def test_what_a_person_must_mend_is_asked_once(lab, fault):
    lab.portal.switch(fault, on=True)
    with pytest.raises(ServiceError):
        lab.client().call("profile", {}, lab.deadline())
    assert len(lab.portal.operations) == 1


def test_a_batch_with_references_of_its_own_names(lab):
    found = lab.client().batch(
        {
            "register": Command("telephony.externalCall.register", REGISTER),
            "finish": Command(
                "telephony.externalCall.finish", {"CALL_ID": "$result[register][CALL_ID]", "USER_ID": 17}
            ),
            "refused": Command("telephony.externalCall.finish", {"CALL_ID": "x", "USER_ID": 17}),
            "list": Command(STATISTICS, {"FILTER": {"CALL_ID": "$result[register][CALL_ID]"}}),
        },
        lab.deadline(),
        reads=False,
    )
    assert found.answers["finish"].result["CALL_ID"] == found.answers["register"].result["CALL_ID"]
    assert found.answers["list"].total == 1
    assert found.errors["refused"].failure is Failure.AMBIGUOUS


def test_a_batch_of_fifty(lab):
    found = lab.client().batch({str(n): Command("profile") for n in range(50)}, lab.deadline())
    assert len(found.answers) == 50
    assert not found.errors


def test_a_batch_that_halts_leaves_the_rest_undone(lab):
    commands = {
        "a": Command("telephony.externalCall.finish", {"CALL_ID": "x", "USER_ID": 17}),
        "b": Command("profile"),
    }
    found = lab.client().batch(commands, lab.deadline(), halt=True)
    assert (set(found.answers), set(found.errors)) == (set(), {"a"})


def test_parameters_are_written_as_php_reads_them():
    params = {"FILTER": {">=ID": 5, "ID": ["1", "&=%"]}, "x": None, "yes": True}
    assert from_query(encoded(params)) == {
        "FILTER": {">=ID": "5", "ID": ["1", "&=%"]}, "x": "", "yes": "1"
    }  # fmt: skip


def test_the_limit_of_requests_is_kept_and_used():
    lab = Lab()
    client = lab.client()
    deadline = lab.deadline(10_000)
    for _ in range(300):
        client.call("profile", {}, deadline)
    assert lab.portal.bucket.refused == 0
    allowed = 50 + 2 * lab.clock.monotonic()
    assert 300 / allowed > 0.95


def test_a_lower_rate_of_the_account_is_kept():
    lab = Lab()
    client = lab.client(rate="30/m")
    for _ in range(60):
        client.call("profile", {}, lab.deadline(10_000))
    assert lab.clock.monotonic() > 90


def test_after_a_limit_that_others_have_filled_there_is_a_pause(lab):
    client = lab.client()
    lab.portal.switch("query-limit", on=True, times=1)
    client.call("profile", {}, lab.deadline())
    assert lab.clock.monotonic() >= 2


def test_the_time_of_a_method_is_kept_before_the_portal_refuses_it():
    lab = Lab(rate=0, operating_limit_s=420)
    client = lab.client()
    commands = {str(n): Command(STATISTICS) for n in range(50)}
    deadline = lab.deadline(100_000)
    for _ in range(140):
        found = client.batch(commands, deadline)
        assert not found.errors
    assert client.operating[STATISTICS] < 420
    assert lab.clock.monotonic() > 500


def test_a_method_that_is_over_its_time_waits_and_others_do_not(lab):
    lab.portal.switch("operation-limit", on=True, operations=STATISTICS, times=1)
    client = lab.client()
    with pytest.raises(ServiceError) as caught:
        client.call(STATISTICS, {}, lab.deadline(5))
    assert (caught.value.failure, caught.value.method) == (Failure.WAIT, STATISTICS)
    assert caught.value.retry_at is not None
    client.call("profile", {}, lab.deadline(5))
    asked = len(lab.portal.operations)
    with pytest.raises(ServiceError) as caught:
        client.call(STATISTICS, {}, lab.deadline(5))
    assert not caught.value.sent
    assert len(lab.portal.operations) == asked
    client.call(STATISTICS, {}, lab.deadline(100))
