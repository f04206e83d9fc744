"""A portal under a requests session, without a socket: for simulations with a pretended clock.

session.mount("https://acme.example", InProcess(portal))
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from integrations.lab.portal import Asked

if TYPE_CHECKING:
    from integrations.lab.portal import Portal


class InProcess(BaseAdapter):
    """Answers a session's requests from a portal; a delay moves the portal's clock."""

    def __init__(self, portal: Portal) -> None:
        super().__init__()
        self._portal = portal

    def send(  # noqa: D102, PLR0917  the signature of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002
        timeout: Any = None,
        verify: Any = True,  # noqa: ARG002, FBT002
        cert: Any = None,  # noqa: ARG002
        proxies: Any = None,  # noqa: ARG002
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body or b""
        asked = Asked(
            request.method or "GET",
            unquote(parts.path),
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {"content-type": "", **{name.lower(): value for name, value in request.headers.items()}},
            body.encode() if isinstance(body, str) else bytes(body),
        )
        said = self._portal.respond(asked)
        read_s = timeout[1] if isinstance(timeout, tuple) else timeout
        endless = said.cut == "endless"
        if endless or (read_s is not None and said.delay_s > read_s):
            self._portal.clock.sleep(read_s or said.delay_s)
            raise requests.exceptions.ReadTimeout("pretended", request=request)
        if said.delay_s:
            self._portal.clock.sleep(said.delay_s)
        if said.cut:
            raise requests.exceptions.ConnectionError(ConnectionResetError("pretended"), request=request)
        sent = b"" if request.method == "HEAD" else said.body
        return _response(request, said.status, {"Content-Type": said.kind, **dict(said.headers)}, sent)

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _response(
    request: requests.PreparedRequest, status: int, headers: dict[str, str], body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    response.raw = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
    response.url = request.url or ""
    response.request = request
    return response
