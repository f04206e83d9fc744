"""`supportctl grant`: a code for a signed playbook, or a bridge, on a machine where nobody sits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.remote.capability import Capability
from supportctl.remote.grants import ANY_SIGNED, Offer, give

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig


def grants_folder() -> Path:
    """Return the folder of the grants that this user has given."""
    import platformdirs

    return platformdirs.user_state_path("supportctl", appauthor=False) / "grants"


def grant(
    playbook: str | None,
    config: SiteConfig | None,
    *,
    any_signed: bool,
    targets: Sequence[str],
    lasts_s: float,
    uses: int,
    settings: Sequence[str] = (),
    bridge: str | None = None,
    clock: Clock | None = None,
    folder: Path | None = None,
) -> tuple[str, datetime]:
    """Return the code of a new grant, and when it ends.

    Raises:
        UsageError: it does not say for what; there is no such playbook; `signing.grant-place`.
    """
    if [any_signed, playbook is not None, bridge is not None].count(True) != 1:
        raise UsageError("signing.grant-nothing")
    if bridge is not None:
        if targets or settings:
            raise UsageError("signing.grant-nothing")
        offer = Offer(Capability.BRIDGE, bridge, "", lasts_s, uses)
        return give(folder or grants_folder(), offer, (clock or SystemClock()).now())
    digest = ANY_SIGNED if playbook is None else _digest(playbook, config)
    params = dict(_setting(word) for word in settings)
    offer = Offer(Capability.FIX, ",".join(sorted(targets)), digest, lasts_s, uses, params)
    return give(folder or grants_folder(), offer, (clock or SystemClock()).now())


def _setting(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise UsageError("run.bad-set", found=word)
    return name, value


def _digest(word: str, config: SiteConfig | None) -> str:
    """Return the digest of a playbook's files, as a session computes it of those that come."""
    from supportctl.app.playbook_signing import chosen
    from supportctl.app.signed_playbooks import texts_of
    from supportctl.remote.digest import digest_of

    return digest_of(texts_of(*chosen(word, config)))
