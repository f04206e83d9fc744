"""The hook between calls that were accepted and the workers of the cluster: they are told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Collection

    from resend.ledger.store import Store

_MOST = 100  # lanes at once; the others are found by the sweep


def wake(store: Store, destinations: Collection[str]) -> None:
    """Tell the workers of these lanes; never fails, since their sweep finds the lanes a little later anyway.

    The embedded worker looks by itself: with SQLite, or without the extra `cluster`, nothing is done.
    """
    if store.is_sqlite or not destinations:
        return
    try:
        from resend.cluster.wake import wake as wake_lanes
    except ImportError:
        return
    try:
        wake_lanes(store, sorted(destinations)[:_MOST])
    except Exception as error:  # noqa: BLE001  the calls are safe in the ledger, and that is what was asked for
        log.event("warning", "resend.not-woken", error=f"{type(error).__name__}: {error}")
