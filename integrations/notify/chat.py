"""Chats, mail and a hundred other places through Apprise: one address a place, and it is a secret."""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from supportctl.core.clock import Clock

MESSAGE_S = 45.0  # by then a message is sent, or nobody waits for it any more
_CONNECT_S, _READ_S = 10.0, 20.0
_LONGEST = 20_000  # Apprise shortens to what each service takes


class ChatNotifier:
    """Sends messages to one place.

    Apprise says only whether it worked, and logs the rest with parts of the address: its logs are off. Its
    time-outs hold for each piece of an answer, so it runs in a thread that is left behind in the end. It
    keeps nothing on the disk.
    """

    def __init__(self, address: str, clock: Clock, within_s: float = MESSAGE_S) -> None:
        self._address = address
        self._clock = clock
        self._within_s = within_s

    def notify(self, title: str, text: str) -> None:
        """Send one message.

        Raises:
            ServiceError: `bad-address`: Apprise does not know such a place; `not-sent`; `deadline`: it may
                have been sent.
        """
        chat = _chat(self._address)
        outcome: list[bool] = []

        def send() -> None:
            try:
                outcome.append(bool(chat.notify(body=text[:_LONGEST], title=title, body_format="text")))
            except Exception:  # noqa: BLE001  what a plug-in raises may hold the address; it was not sent
                outcome.append(False)

        thread = threading.Thread(target=send, name="notify", daemon=True)
        thread.start()
        thread.join(self._within_s)
        if not outcome:
            raise ServiceError(Failure.AMBIGUOUS, "deadline")
        if not outcome[0]:
            raise ServiceError(Failure.RETRY, "not-sent")


def _chat(address: str) -> Any:
    """Return Apprise with one place. `Any`: its own types follow its version.

    Raises:
        ServiceError: it is no address of a place.
    """
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # modules that its plug-ins import in old Pythons
        import apprise

        memory = apprise.PersistentStoreMode.MEMORY
        asset = apprise.AppriseAsset(secure_logging=True, async_mode=False, storage_mode=memory)
        place = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if place is None:
        raise ServiceError(Failure.CONFIGURATION, "bad-address", sent=False)
    place.socket_connect_timeout, place.socket_read_timeout = _CONNECT_S, _READ_S
    chat = apprise.Apprise(asset=asset)
    chat.add(place)
    return chat
