"""`telephony.externalCall.attachRecord`: recordings by content, by address, or by a second request."""

from __future__ import annotations

import base64
import binascii
import hashlib
from email import message_from_bytes
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from integrations.lab.bitrix24 import params as p
from integrations.lab.bitrix24.errors import ApiError, core

if TYPE_CHECKING:
    from collections.abc import Callable

    from integrations.lab.bitrix24.store import StatRow, Store

_EXTENSIONS = ("wav", "mp3")
_NOT_FINISHED = "Call is not found in the statistic table. Looks like it is not finished yet"
UPLOAD = "/rest/telephony.upload"


class Records:
    """Attaches recordings; a second one for the same call replaces the first."""

    def __init__(self, store: Store) -> None:
        self.fetch: Callable[[str], tuple[int, bytes]] | None = None
        self._store = store
        self._uploads: dict[str, tuple[StatRow, str]] = {}

    def attach(self, params: dict[str, Any], base_url: str) -> dict[str, Any]:
        """Return the file's id, or where to send it."""
        call_id, url, name = (p.text(params, each) for each in ("CALL_ID", "RECORD_URL", "FILENAME"))
        if not call_id or not (url or "FILENAME" in params):
            raise core("Required parameters are not set: CALL_ID, FILENAME or RECORD_URL")
        row = self._store.stat_row(call_id)
        if row is None:
            raise core(_NOT_FINISHED)
        if url:
            return self._keep(row, urlsplit(url).path.rpartition("/")[2] or "record.mp3", *self._fetched(url))
        if not name:
            raise core("File name is empty")
        if name.rpartition(".")[2].lower() not in _EXTENSIONS:
            raise core("Wrong file extension. Only wav and mp3 are allowed")
        if "FILE_CONTENT" not in params:
            token = hashlib.sha256(f"{call_id}{name}{len(self._uploads)}".encode()).hexdigest()[:32]
            self._uploads[token] = (row, name)
            return {"uploadUrl": f"{base_url}{UPLOAD}.json?token={token}", "fieldName": "file"}
        return self._keep(row, name, _decoded(params["FILE_CONTENT"]))

    def upload(self, token: str, kind: str, body: bytes) -> dict[str, Any]:
        """Take the multipart request to an `uploadUrl`; each address is good for one file."""
        if token not in self._uploads:
            raise ApiError("ACCESS_DENIED", "Access denied!", 403)
        head = f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
        parts = message_from_bytes(head + body).walk()
        named = (part for part in parts if part.get_param("name", header="content-disposition") == "file")
        part = next(named, None)
        content = part.get_payload(decode=True) if part is not None else b""
        if not isinstance(content, bytes) or not content:
            raise core("File content is empty.")
        row, name = self._uploads.pop(token)
        return self._keep(row, name, content)

    def _fetched(self, url: str) -> tuple[bytes, str]:
        if self.fetch is None:
            return b"", url
        status, content = self.fetch(url)
        if status != 200:
            raise core(f"Server returns HTTP error code {status}")
        return content, url

    def _keep(self, row: StatRow, name: str, content: bytes, note: str = "") -> dict[str, Any]:
        number = self._store.add_file(name, content, note)
        row.record_file_id = number
        self._store.statistics.changed()
        if row.activity_id:
            self._store.activities.rows[row.activity_id].files = (number,)
        return {"FILE_ID": number}


def _decoded(content: object) -> bytes:
    if not isinstance(content, str) or not content:
        raise core("File content is empty.")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise core("Could not decode file content. Base64 encoding is expected.") from None
