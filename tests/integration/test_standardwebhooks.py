"""The receivers' own library of Standard Webhooks takes what our destination sends over a real socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from integrations.checking import Surroundings
from integrations.crm.webhook.destination import WebhookDestination, message_id
from integrations.lab.serve import PortalServer
from integrations.lab.webhook import SECRET, WebhookPortal
from supportctl.core.accounts import Webhook
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Parcel
from supportctl.core.failure import Failure

pytestmark = pytest.mark.peer("standardwebhooks")


@pytest.fixture
def portal():
    return WebhookPortal(SystemClock())


@pytest.fixture
def deliver(portal):
    """Return a function that delivers one call of the portal's account, or of another `secret`."""
    with PortalServer(portal) as server:
        clock = SystemClock()
        around = Surroundings("acme", clock, lambda secret: secret, region="RU")

        def make(number=1, **more):
            account = Webhook(**{**portal.account(server.url), **more})
            began = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
            call = Call(
                f"pbx-{number}",
                "pbx",
                "in",
                began,
                61,
                "+79990001122",
                answered=True,
                employee="Ёлкина «Анна»",
            )
            parcel = Parcel(number, call, "", {}, 1)
            destination = WebhookDestination(account, around)
            return parcel, destination.advance([parcel], Deadline.after(20, clock))[0]

        yield make


def test_the_library_verifies_every_message(portal, deliver):
    from standardwebhooks.webhooks import Webhook as Peer

    for number in range(1, 21):
        parcel, outcome = deliver(number)
        assert outcome.done
        asked = portal.requests[-1]
        event = Peer(SECRET).verify(asked.body, dict(asked.headers))
        assert event == json.loads(asked.body)
        assert (event["data"]["call_id"], event["data"]["employee"]) == (f"pbx-{number}", "Ёлкина «Анна»")
        assert asked.headers["webhook-id"] == message_id(parcel)
    assert len(portal.messages) == 20


def test_the_library_refuses_what_the_lab_refuses(portal, deliver):
    from standardwebhooks.webhooks import Webhook as Peer
    from standardwebhooks.webhooks import WebhookVerificationError

    _, outcome = deliver(1, secret="whsec_YW5vdGhlciBrZXkgZW50aXJlbHk=")
    assert outcome.failure is Failure.CONFIGURATION
    asked = portal.requests[-1]
    with pytest.raises(WebhookVerificationError):
        Peer(SECRET).verify(asked.body, dict(asked.headers))
    assert portal.messages == {}


def test_the_lab_takes_what_the_library_signs(portal):
    from standardwebhooks.webhooks import Webhook as Peer

    from integrations.lab.portal import Asked

    body = json.dumps({"type": "call.completed", "data": {"call_id": "1"}})
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "call_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,AAAA {Peer(SECRET).sign('call_1', at, body)}",  # two keys in a rotation
    }
    assert portal.respond(Asked("POST", "/calls", (), headers, body.encode())).status == 204
    wrong = {**headers, "webhook-id": "call_2"}
    assert portal.respond(Asked("POST", "/calls", (), wrong, body.encode())).status == 401
