"""The beginning of each recording, fetched as the player in a card would."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from integrations.http import Http, Reply, Request
from integrations.sync.recordings import HEAD_BYTES, Head, Recording, Verdict, verify
from integrations.telephony.source import Progress
from supportctl.core.failure import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from supportctl.core.deadline import Deadline

_ONE_S = 20.0
_REDIRECTS_MOST = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def verified(
    recordings: Iterable[Recording], deadline: Deadline, progress: Callable[[Progress], None]
) -> Iterator[Verdict]:
    """Yield what is known of each recording."""
    with Http(deadline.clock, lambda _request, _reply: None) as http:

        def fetch(url: str) -> Head | str:
            return _head(http, url, deadline.within(_ONE_S))

        for done, verdict in enumerate(verify(recordings, fetch), 1):
            progress(Progress(done))
            yield verdict


def _head(http: Http, url: str, deadline: Deadline) -> Head | str:
    """Return the beginning of a file, wherever its server sends us; a word for why it could not be had."""
    for _ in range(_REDIRECTS_MOST):
        try:
            reply = http.send(_request(url), deadline)
        except ServiceError as error:
            return error.code
        if reply.status not in _REDIRECTS or not reply.headers.get("location"):
            kind = reply.headers.get("content-type", "")
            return Head(reply.status, reply.body, kind, _size(reply))
        url = urljoin(url, reply.headers["location"])
        if not url.startswith(("http://", "https://")):
            break
    return "redirect"


def _request(url: str) -> Request:
    # Without packing: it is the file's own first bytes that tell.
    headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}", "Accept-Encoding": "identity"}
    return Request("GET", url, "recording", reads=True, headers=headers, max_body=HEAD_BYTES, beginning=True)


def _size(reply: Reply) -> int | None:
    """Return how long the whole file is, if the server tells."""
    whole = reply.headers.get("content-range", "").rpartition("/")[2]
    if not whole and reply.status == 200:
        whole = reply.headers.get("content-length", "")
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) < 16 else None
