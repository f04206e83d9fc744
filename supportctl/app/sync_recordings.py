"""The beginning of each recording, fetched as the player in a card would."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integrations.sync.fetching import HeadFetcher
from integrations.sync.recordings import Recording, Verdict, verify
from integrations.telephony.source import Progress
from supportctl.app.accounts import account_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from supportctl.app.accounts import Account
    from supportctl.core.deadline import Deadline


def verified(
    recordings: Iterable[Recording],
    accounts: Iterable[Account],
    deadline: Deadline,
    progress: Callable[[Progress], None],
) -> Iterator[Verdict]:
    """Yield what is known of each recording; `accounts` may lie in the local network, nobody else."""
    hosts = {host for account in accounts for host in _hosts(account)}
    with HeadFetcher(deadline.clock, deadline, hosts) as fetch:
        for done, verdict in enumerate(verify(recordings, fetch), 1):
            progress(Progress(done))
            yield verdict


def _hosts(account: Account) -> Iterator[str]:
    host = account_target(account).host
    if host:
        yield host
    stored = urlsplit(getattr(account.model, "recordings", None) or "")
    if stored.hostname:
        yield stored.hostname
