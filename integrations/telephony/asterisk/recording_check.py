"""Are the recordings where the account says? A few of the last conversations are looked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from integrations.http import Http, Request, by_status
from integrations.telephony.asterisk.recordings import folder_of, locator
from supportctl.core.failure import ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from integrations.checking import CheckContext
    from integrations.telephony.asterisk.leg import Leg
    from integrations.telephony.asterisk.newest import Newest
    from integrations.telephony.asterisk.source import AsteriskSource
    from supportctl.core.finding import Finding

RECORDING_CODES = frozenset({
    "telephony.recordings", "telephony.recordings-unreachable", "telephony.recordings-not-found",
    "telephony.recordings-not-named",
})  # fmt: skip
_FILES = 20
_PAGES = 3
_GONE = 404
_FRESH_S = 600  # a recording may be converted or moved for some minutes after the call


def recording_findings(
    context: CheckContext, source: AsteriskSource, found: Newest, session: requests.Session | None
) -> Iterator[Finding]:
    """Yield one finding about the recordings; none where the account names no place for them."""
    place, base = source.account.recordings, source.surroundings.folder
    if place is None:
        return
    folder = folder_of(place, base)
    where = str(folder) if folder else _host(place)
    asked = f"look into {where}" if folder else f"HEAD {where}"
    started = context.clock.monotonic()
    address = locator(place, source.time, base)
    talks = [leg for leg in found.legs if leg.answered and leg.dstchannel and _is_settled(leg, context)]
    known = list(dict.fromkeys(url for leg in talks if (url := address([leg]))))
    looked_at = known[: _FILES if folder else _PAGES]
    try:
        if folder is not None:
            _must_be_readable(folder)
        missing = [url for url in looked_at if not _is_there(url, context, session)]
    except (OSError, ServiceError) as error:
        said = clean(getattr(error, "strerror", None) or error)
        evidence = context.evidence(
            asked, "telephony.refused", started=started, got=said, system="Asterisk", said=said
        )
        yield context.warning(
            "telephony.recordings-unreachable", evidence, system="Asterisk", place=where, said=said
        )
        return
    evidence = context.evidence(
        asked, "telephony.recordings", started=started, count=len(missing), total=len(looked_at)
    )
    if talks and not known:
        yield context.warning("telephony.recordings-not-named", evidence, system="Asterisk", count=len(talks))
    elif missing:
        yield context.warning(
            "telephony.recordings-not-found",
            evidence,
            system="Asterisk",
            count=len(missing),
            total=len(looked_at),
            example=clean(unquote(urlsplit(missing[0]).path)),
        )
    else:
        yield context.ok("telephony.recordings", evidence, system="Asterisk", count=len(looked_at))


def _is_settled(leg: Leg, context: CheckContext) -> bool:
    return (context.clock.now() - leg.end).total_seconds() > _FRESH_S


def _must_be_readable(folder: Path) -> None:
    with os.scandir(folder) as entries:
        next(iter(entries), None)


def _is_there(url: str, context: CheckContext, session: requests.Session | None) -> bool:
    """Return whether a recording exists.

    Raises:
        ServiceError: the server of the recordings does not say.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        try:
            return Path(unquote(parts.path)).is_file()
        except (OSError, ValueError):
            return False
    with Http(context.clock, by_status, session=session) as http:
        try:
            http.send(Request("HEAD", url, "recording", reads=True), context.deadline)
        except ServiceError as error:
            if error.status == _GONE:
                return False
            raise
    return True


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}"
