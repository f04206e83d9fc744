"""Messages to chats: one a call, ended in time, and not a word of their address anywhere."""

from __future__ import annotations

import logging

import pytest

from integrations.lab.chat import ChatPortal
from integrations.lab.portal import Said
from integrations.lab.serve import PortalServer
from integrations.notify.chat import ChatNotifier
from supportctl.core.clock import SystemClock
from supportctl.core.failure import Failure, ServiceError

SECRET = "oncall-4711"


@pytest.fixture
def chat():
    portal = ChatPortal(SystemClock())
    with PortalServer(portal) as server:
        yield portal, portal.account(server.url)["url"]


def test_a_message_arrives_once_as_it_is(chat):
    portal, address = chat
    ChatNotifier(address, SystemClock()).notify("Заголовок", "<b>строка</b>\nещё *одна*")
    (message,) = portal.messages
    assert (message["title"], message["message"]) == ("Заголовок", "<b>строка</b>\nещё *одна*")


@pytest.mark.parametrize("fault", ["revoked", "archived", "throttled", "server-error", "reset"])
def test_a_refusal_is_an_error_that_says_nothing_of_the_address(chat, fault, capfd, caplog):
    portal, address = chat
    portal.switch(fault, on=True)
    with caplog.at_level(logging.DEBUG), pytest.raises(ServiceError) as caught:
        ChatNotifier(address, SystemClock()).notify("title", "text")
    assert caught.value.failure is Failure.RETRY
    told = "".join([*capfd.readouterr(), caplog.text, str(caught.value), repr(caught.value)])
    assert SECRET not in told
    assert portal.messages == []


def test_what_never_ends_is_left_behind(chat):
    portal, address = chat
    portal.answer = lambda asked, operation: Said(200, b"ok", "text/plain", delay_s=30.0)
    with pytest.raises(ServiceError) as caught:
        ChatNotifier(address, SystemClock(), within_s=0.3).notify("title", "text")
    assert caught.value.failure is Failure.AMBIGUOUS


@pytest.mark.parametrize("address", ["", "nonsense://secret-token", "json://", "no address at all"])
def test_an_address_that_nobody_knows_is_for_the_administrator(address, capfd):
    with pytest.raises(ServiceError) as caught:
        ChatNotifier(address, SystemClock()).notify("title", "text")
    assert caught.value.failure is Failure.CONFIGURATION
    assert "secret-token" not in "".join([*capfd.readouterr(), str(caught.value)])
