"""JSON-RPC as the Data API speaks it: requests taken apart, errors put together."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.lab.portal import Asked


class RpcError(Exception):
    """An error with a mnemonic of the documentation; `params` fill its message."""

    def __init__(
        self, mnemonic: str, field: str | None = None, value: object = None, **params: object
    ) -> None:
        super().__init__(mnemonic)
        self.mnemonic = mnemonic
        self.field = field
        self.value = value
        self.params = params

    def document(self, request_id: object, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer's body. `Any`: JSON."""
        code, message = _errors()[self.mnemonic]
        data: dict[str, Any] = {"mnemonic": self.mnemonic, "params": self.params, "metadata": metadata}
        if self.field is not None:
            data |= {"field": self.field, "value": self.value}
        error = {"code": code, "message": message.format(**self.params), "data": data}
        return {"jsonrpc": "2.0", "id": request_id, "error": error}


class Question(NamedTuple):
    """One request: what it asks for. `Any`: JSON."""

    id: object
    method: str
    params: dict[str, Any]


def question(asked: Asked) -> Question:
    """Return what a request asks.

    Raises:
        RpcError: it is no request of JSON-RPC 2.0, or one that is not supported.
    """
    body = asked.json()
    if body is None:
        raise RpcError("parse_error")
    if isinstance(body, list):
        raise RpcError("batch_operations_not_supported")
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise RpcError("invalid_request")
    if body.get("id") is None:
        raise RpcError("notifications_not_supported")
    params = body.get("params", {})
    if not isinstance(params, dict):
        raise RpcError("data_type_error", "params")
    return Question(body["id"], body["method"], params)


@cache
def _errors() -> dict[str, tuple[int, str]]:
    text = (files(__package__) / "errors.toml").read_text(encoding="utf-8")
    return {name: (code, message) for name, (code, message) in tomllib.loads(text).items()}
