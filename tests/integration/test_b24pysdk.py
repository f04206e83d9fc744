"""The official SDK of Bitrix24 (b24pysdk) as a second client of the lab's portal, over TLS on loopback.

What it reads must be what our reader reads. It repeats every method on HTTP 503, registration of calls
included, which the last tests prove: it is a peer of tests, not our client (docs/decisions).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from bitrix24_lab import PHONE, call_at

from integrations.checking import Surroundings
from integrations.crm.bitrix24.client import Client, Command
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.reader import Employee
from integrations.lab.bitrix24 import Bitrix24Portal
from integrations.lab.bitrix24.portal import Token
from integrations.lab.day import make_day, plant
from integrations.lab.serve import PortalServer
from supportctl.core.accounts import Bitrix24
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

pytestmark = pytest.mark.peer("b24pysdk")
CLOCK = SystemClock()
STATISTICS = "voximplant.statistic.get"
REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """Return certificate and key of 127.0.0.1, which this process trusts."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
    pair.private_key_pem.write_to_path(folder / "key.pem")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
        yield folder / "cert.pem", folder / "key.pem"


class Both:
    """One portal, the SDK and our client of it."""

    def __init__(self, server, portal):
        from b24pysdk import BitrixWebhook
        from b24pysdk import Client as Sdk

        self.portal = portal
        user, code = portal.webhook
        self.domain = server.url.removeprefix("https://")
        self.token = BitrixWebhook(domain=self.domain, webhook_token=f"{user}/{code}")
        self.sdk = Sdk(self.token)
        self.account = Bitrix24(**portal.account(server.url))
        self.surroundings = Surroundings("acme", CLOCK, str, None, "RU")
        self.reader = Bitrix24Reader(self.account, self.surroundings)
        self.client = Client(self.account, self.surroundings)

    @property
    def calls(self):
        return self.sdk.telephony.external_call

    def register(self, **more):
        return self.calls.register(PHONE, 2, user_id=1, show=0, add_to_chat=0, **more).result["CALL_ID"]

    def records(self):
        since, until = CLOCK.now() - timedelta(days=2), CLOCK.now() + timedelta(days=1)
        return list(self.reader.records(since, until, Deadline.after(30, CLOCK)))

    def close(self):
        self.client.close()
        self.reader.client.close()


@pytest.fixture(scope="module")
def server(tls):
    """Return a server that each test gives a portal of its own."""
    with PortalServer(Bitrix24Portal(CLOCK), certificate=tls) as serving:
        yield serving


@pytest.fixture
def both(server):
    """Return a portal on a socket with TLS, and both clients."""
    from b24pysdk import Config

    Config().configure(default_initial_retry_delay=0.001, default_retry_delay_increment=0)
    server.portal = Bitrix24Portal(CLOCK, "acme", rate=0)
    pair = Both(server, server.portal)
    yield pair
    pair.close()


def told(record):
    """Return what both clients can say of a call."""
    return (
        record.record_id, record.external_id, record.started_at, record.employee, record.duration_s,
        record.contact, record.recording,
    )  # fmt: skip


def told_by_sdk(row):
    card = f"{row['CRM_ENTITY_TYPE']}:{row['CRM_ENTITY_ID']}" if row["CRM_ENTITY_ID"] else ""
    return (
        row["ID"], row["EXTERNAL_CALL_ID"] or "", datetime.fromisoformat(row["CALL_START_DATE"]),
        row["PORTAL_USER_ID"], int(row["CALL_DURATION"]), card,
        bool(row["CALL_RECORD_URL"] or row["RECORD_FILE_ID"]),
    )  # fmt: skip


def test_a_day_reads_the_same(both):
    plant(make_day(CLOCK.now(), UTC), None, both.portal)
    request = both.sdk.voximplant.statistic.get(filter={">ID": 0}, sort="ID", order="ASC")
    ours = [told(record) for record in both.records()]
    assert ours == [told_by_sdk(row) for row in request.as_list().result]
    fast = both.sdk.voximplant.statistic.get().as_list_fast().result  # by id, chained in batches, start=-1
    assert [told_by_sdk(row) for row in fast] == ours
    assert len(ours) > 100


def test_employees_read_the_same(both):
    for number in range(2, 130):
        both.portal.plant_employee(
            Employee(str(number), f"User N{number}", str(100 + number), active=number % 9 > 0)
        )
    ours = [tuple(employee) for employee in both.reader.employees(Deadline.after(30, CLOCK))]
    theirs = both.sdk._bitrix_token.call_list("user.get", {"sort": "ID", "order": "ASC"})["result"]
    assert ours == [
        (row["ID"], f"{row['NAME']} {row['LAST_NAME']}".strip(), row["UF_PHONE_INNER"] or "", row["ACTIVE"])
        for row in theirs
    ]
    assert len(ours) == 129


def test_a_call_that_the_sdk_brings_in_is_the_one_that_we_read(both):
    contact = both.portal.plant_contact(PHONE, "Maria")
    start = CLOCK.now().replace(microsecond=0)
    call_id = both.register(
        external_call_id="uis-1", line_number="78120000001", call_start_date=start.isoformat()
    )
    done = both.calls.finish(call_id=call_id, user_id=1, duration=61, add_to_chat=0).result
    sound = b"ID3 sound"
    both.calls.attach_record(
        call_id=call_id, filename="uis-1.mp3", file_content=base64.b64encode(sound).decode()
    ).call()
    record = both.records()[0]
    assert told(record) == (str(done["ID"]), "uis-1", start, "1", 61, contact, True)
    assert record.created_at is not None
    assert (record.phone, record.line) == (PHONE, "+78120000001")
    kept = next(iter(both.portal.store.files.values()))
    assert kept.sha256 == hashlib.sha256(sound).hexdigest()
    state = both.portal.state()
    assert (state["pop_ups"], state["chat_messages"]) == (0, 0)
    found = both.reader.find([call_at("uis-1", start)], Deadline.after(30, CLOCK))
    assert [each.record_id for each in found["uis-1"]] == [record.record_id]


def test_a_batch_reads_the_same(both):
    plant(make_day(CLOCK.now(), UTC), None, both.portal)
    wanted = {
        "first": (STATISTICS, {"FILTER": {">ID": 0, "PORTAL_USER_ID": [1, 7]}, "SORT": "ID"}),
        "next": (STATISTICS, {"FILTER": {">ID": "$result[first][49][ID]"}, "SORT": "ID", "start": -1}),
        "wrong": (FINISH, {"CALL_ID": "x", "USER_ID": 1}),
        "cards": ("crm.duplicate.findbycomm", {"type": "PHONE", "values": [PHONE]}),
    }
    theirs = both.token.call_batch(wanted)["result"]
    ours = both.client.batch(
        {name: Command(method, params) for name, (method, params) in wanted.items()},
        Deadline.after(30, CLOCK),
    )
    assert {name: answer.result for name, answer in ours.answers.items()} == theirs["result"]
    assert {name: a.total for name, a in ours.answers.items() if a.total} == theirs["result_total"]
    assert set(ours.errors) == set(theirs["result_error"]) == {"wrong"}


def test_an_application_signs_in_the_same(both):
    from b24pysdk import BitrixToken

    class App:  # any bound application makes the SDK send `auth`
        client_id = client_secret = "-"

    both.portal.tokens["abc"] = Token(1, "5")
    token = BitrixToken(domain=both.domain, auth_token="abc", bitrix_app=App())
    account = both.account.model_copy(update={"url": f"https://{both.domain}", "token": "abc"})
    with Client(account, both.surroundings) as client:
        ours = client.call("app.info", {}, Deadline.after(30, CLOCK)).result
    assert token.call_method("app.info")["result"] == ours
    assert ours["ID"] == 5


@pytest.mark.parametrize(
    ("fault", "theirs", "ours"),
    [
        ("query-limit", "BitrixAPIQueryLimitExceeded", Failure.RETRY),
        ("operation-limit", "BitrixAPIOperationTimeLimit", Failure.WAIT),
        ("missing-scope", "BitrixAPIInsufficientScope", Failure.CONFIGURATION),
        ("access-denied", "BitrixAPIAccessDenied", Failure.CONFIGURATION),
        ("overload-blocked", "BitrixAPIOverloadLimit", Failure.BLOCKED),
        ("portal-deleted", "BitrixAPIPortalDeleted", Failure.BLOCKED),
        ("invalid-credentials", "BitrixAPIInvalidCredentials", Failure.CONFIGURATION),
        ("internal-error", "BitrixAPIInternalServerError", Failure.RETRY),
        ("ok-with-error", "BitrixAPIErrorUnexpectedAnswer", Failure.RETRY),
        ("payment-required", "BitrixAPIPaymentRequired", Failure.CONFIGURATION),
        ("not-json", "BitrixResponseJSONDecodeError", Failure.RETRY),
        ("expired-token", "BitrixAPIExpiredToken", Failure.SIGN_IN),
    ],
)
def test_errors_are_understood_the_same(both, fault, theirs, ours):
    from b24pysdk.errors import BitrixSDKException

    both.portal.switch(fault, on=True)
    with pytest.raises(BitrixSDKException) as caught:
        both.sdk.voximplant.statistic.get().call()
    assert type(caught.value).__name__ == theirs
    with pytest.raises(ServiceError) as failed:
        both.client.call(STATISTICS, {}, Deadline.after(0.4, CLOCK))
    assert failed.value.failure is ours


@pytest.mark.parametrize("fault", ["query-limit", "gateway", "overload-blocked"])
def test_the_sdk_repeats_a_registration_on_503_and_we_do_not(both, fault):
    both.portal.switch(fault, on=True, times=2)
    yesterday = (CLOCK.now() - timedelta(days=1)).isoformat(timespec="seconds")
    both.register(external_call_id="uis-1", call_start_date=yesterday)
    assert both.portal.operations == [REGISTER] * 3
    both.portal.operations.clear()
    both.portal.switch(fault, on=True, times=2)
    params = {"USER_ID": 1, "PHONE_NUMBER": PHONE, "TYPE": 2, "SHOW": 0, "CALL_START_DATE": yesterday}
    with pytest.raises(ServiceError):
        both.client.call(REGISTER, params, Deadline.after(10, CLOCK), reads=False)
    assert both.portal.operations == [REGISTER]


def test_a_lost_answer_makes_the_sdk_register_a_call_of_yesterday_twice(both):
    both.portal.switch("gateway", on=True, times=1)
    yesterday = (CLOCK.now() - timedelta(days=1)).isoformat(timespec="seconds")
    both.register(external_call_id="uis-1", call_start_date=yesterday)
    same = [call for call in both.portal.store.open.values() if call.external_id == "uis-1"]
    assert len(same) == 2


def test_a_lost_answer_makes_the_sdk_say_that_a_finished_call_was_not_found(both):
    call_id = both.register(external_call_id="uis-1")
    both.portal.switch("gateway", on=True, times=1)
    with pytest.raises(Exception, match="Call is not found"):
        both.calls.finish(call_id=call_id, user_id=1, duration=61, add_to_chat=0).call()
    assert [record.external_id for record in both.records()] == ["uis-1"]
    both.portal.switch("gateway", on=True, times=1)
    with pytest.raises(ServiceError) as caught:
        both.client.call(FINISH, {"CALL_ID": call_id, "USER_ID": 1}, Deadline.after(10, CLOCK), reads=False)
    assert caught.value.failure is Failure.AMBIGUOUS
