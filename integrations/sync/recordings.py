"""Whether recordings can be played: the beginning of each is fetched, a few at a time.

Only a sound file's beginning proves a recording, and only an answer of its server that there is none
disproves it. A server that is out of reach or asks to sign in proves nothing.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from integrations.crm.reader import CrmCall
    from supportctl.core.call import Call

Side = Literal["crm", "telephony"]
HEAD_BYTES = 512
WORKERS = 8
_GONE = frozenset({404, 410})
_EMPTY_RANGE = 416  # the server has fewer bytes than the first one
_PARTIAL = 206


class Recording(NamedTuple):
    """One recording to look at: `key` is handed back, `side` is whose link it is."""

    key: int
    url: str
    side: Side


class Head(NamedTuple):
    """What a server answered to the question for the first bytes. `size` is the whole file's, if told."""

    status: int
    body: bytes
    content_type: str = ""
    size: int | None = None


class Verdict(NamedTuple):
    """What is known of a recording. `reason`: gone, empty, web-page, no-sound, or why it is unverified."""

    key: int
    side: Side
    state: Literal["sound", "broken", "unverified"]
    reason: str = ""


def candidate(key: int, call: Call, record: CrmCall) -> Recording | None:
    """Return the recording of a pair that can be fetched: the CRM's own, else the telephony's."""
    for url, side in ((record.recording_url, "crm"), (call.recording_url, "telephony")):
        if url is not None and url.startswith(("http://", "https://")):
            return Recording(key, url, "crm" if side == "crm" else "telephony")
    return None


def verify(
    recordings: Iterable[Recording], fetch: Callable[[str], Head | str], workers: int = WORKERS
) -> Iterator[Verdict]:
    """Yield a verdict for each recording, in their order; at most some `workers` are fetched at once.

    `fetch` returns the head, or a word for why it could not be had; it is called from several threads.
    """

    def look(recording: Recording) -> Verdict:
        head = fetch(recording.url)
        if isinstance(head, str):
            return Verdict(recording.key, recording.side, "unverified", head)
        state, reason = judge_head(head)
        return Verdict(recording.key, recording.side, state, reason)

    with ThreadPoolExecutor(workers, thread_name_prefix="recordings") as pool:
        waiting = deque[Future[Verdict]]()
        try:
            for recording in recordings:
                waiting.append(pool.submit(look, recording))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def judge_head(head: Head) -> tuple[Literal["sound", "broken", "unverified"], str]:
    """Return what the beginning of a recording says of it."""
    if head.status in _GONE:
        return "broken", "gone"
    if head.status != _EMPTY_RANGE and not 200 <= head.status < 300:
        return "unverified", f"http-{head.status}"
    if head.status == _EMPTY_RANGE or not head.body or head.size == 0:
        return "broken", "empty"
    if is_sound(head.body):
        return "sound", ""
    text = head.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    page = text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
    return "broken", "web-page" if page else "no-sound"


def is_sound(head: bytes) -> bool:
    """Return whether a file that begins like this is sound of a kind that telephony systems record."""
    if head.startswith((b"ID3", b"OggS", b"fLaC", b"#!AMR", b"\x1aE\xdf\xa3", b".snd", b"caff", b"FORM")):
        return True
    if head[:4] in {b"RIFF", b"RIFX", b"RF64"}:
        return head[8:12] == b"WAVE"
    if head[4:8] == b"ftyp":  # MPEG-4
        return True
    return _mpeg_frame(head.lstrip(b"\0"))


def _mpeg_frame(head: bytes) -> bool:
    """Return whether an MPEG audio frame (or AAC in ADTS) begins here: eleven ones and no forbidden value."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return head[1] & 0xF0 == 0xF0  # ADTS
    return version != 1 and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3
