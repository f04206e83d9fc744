"""How a service of others failed, in the few classes on which everything that follows is decided."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from supportctl.core.redaction import redact
from supportctl.core.text import clean

if TYPE_CHECKING:
    from datetime import datetime


class Failure(StrEnum):
    """What may be done after a request that failed."""

    RETRY = "retry"  # nothing was done; the same again may work at once or soon
    WAIT = "wait"  # a limit: the same again, but not before `retry_at`
    SIGN_IN = "sign-in"  # the token has expired: renew it, then the same again
    CONFIGURATION = "configuration"  # a person must change a right, a token, a setting
    DATA = "data"  # this call is refused as it is; others may pass
    AMBIGUOUS = "ambiguous"  # it may have been done: ask before it is repeated
    BLOCKED = "blocked"  # the account is shut off by its owner: nothing may be sent until a person acts


class ServiceError(Exception):
    """A request that failed.

    `code` is the system's own error code ("QUERY_LIMIT_EXCEEDED"), `text` its words (without secrets, safe to
    show).
    `retry_at` says when a limit ends, if the system told. `method` names the one method that a limit is for;
    None: for all. `sent` is False if it is certain that nothing reached the system.
    """

    def __init__(
        self,
        failure: Failure,
        code: str,
        text: str = "",
        *,
        status: int | None = None,
        retry_at: datetime | None = None,
        method: str | None = None,
        sent: bool = True,
    ) -> None:
        self.failure = failure
        self.code = clean(code, 80)
        self.text = clean(redact(text), 300)
        self.status = status
        self.retry_at = retry_at
        self.method = method
        self.sent = sent
        super().__init__(f"{failure}: {self.code}: {self.text}" if self.text else f"{failure}: {self.code}")
