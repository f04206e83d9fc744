"""The table of methods: name, capability, parameters. What is not in it does not exist; none is a shell."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.text import clean
from supportctl.remote.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BEGIN = "session.begin"
MAX_TEXT = 4_096  # characters of a parameter
MAX_ITEMS = 1_000
MAX_BLOCK = 32 * 1024  # bytes of a bridge in one message
MAX_DOCUMENT = 1_048_576  # characters of a playbook or its signature


class ParamsError(Exception):
    """A parameter that a method does not take: its name, what was expected, what was found."""

    def __init__(self, name: str, expected: str, found: object) -> None:
        super().__init__(name, expected, found)
        self.name = clean(name, 80)
        self.expected = expected
        self.found = clean(found, 80)


class Param(NamedTuple):
    """One parameter: how it is read, and whether it must be there."""

    read: Callable[[str, Any], Any]
    required: bool = False


class Method(NamedTuple):
    """One method. `repeatable`: asked twice it does no harm, so an unclear answer may be asked for again."""

    name: str
    capability: Capability
    params: Mapping[str, Param]
    repeatable: bool = True


def text(name: str, value: Any) -> str:  # noqa: ANN401  JSON
    """Return a text of a bounded size without control characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or any(ord(c) < 32 for c in value):
        raise ParamsError(name, f"a text of at most {MAX_TEXT} characters", value)
    return value


def document(name: str, value: Any) -> str:  # noqa: ANN401  JSON
    """Return a whole document."""
    if not isinstance(value, str) or len(value) > MAX_DOCUMENT:
        raise ParamsError(name, f"a document of at most {MAX_DOCUMENT} characters", type(value).__name__)
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401  JSON
    """Return a list of texts."""
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ParamsError(name, f"a list of at most {MAX_ITEMS} texts", type(value).__name__)
    return tuple(text(name, each) for each in value)


def mapping(name: str, value: Any) -> dict[str, str]:  # noqa: ANN401  JSON
    """Return names with texts."""
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        raise ParamsError(name, f"at most {MAX_ITEMS} names with texts", type(value).__name__)
    return {text(name, key): text(name, each) for key, each in value.items()}


def documents(name: str, value: Any) -> dict[str, str]:  # noqa: ANN401  JSON
    """Return names with whole documents."""
    if not isinstance(value, dict) or len(value) > 50:
        raise ParamsError(name, "at most 50 names with documents", type(value).__name__)
    return {text(name, key): document(name, each) for key, each in value.items()}


def seconds(name: str, value: Any) -> float:  # noqa: ANN401  JSON
    """Return a time between nothing and an hour."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ParamsError(name, "seconds, at most 3600", value)
    return float(value)


def number(name: str, value: Any) -> int:  # noqa: ANN401  JSON
    """Return a whole number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ParamsError(name, "a whole number", value)
    return value


def block(name: str, value: Any) -> bytes:  # noqa: ANN401  JSON
    """Return bytes that come as base64."""
    expected = f"base64 of at most {MAX_BLOCK} bytes"
    if not isinstance(value, str) or len(value) > MAX_BLOCK * 4 // 3 + 4:
        raise ParamsError(name, expected, type(value).__name__)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ParamsError(name, expected, "something else") from None


def switch(name: str, value: Any) -> bool:  # noqa: ANN401  JSON
    """Return yes or no."""
    if not isinstance(value, bool):
        raise ParamsError(name, "true or false", value)
    return value


_HEAD = {
    "log": Param(text, required=True),
    "entries": Param(number, required=True),
    "hash": Param(text, required=True),
}
_BEGIN = {"ticket": Param(text), "who": Param(text)}
_CHECK = {
    "targets": Param(texts),
    "only": Param(texts),
    "skip": Param(texts),
    "deadline": Param(seconds),
    "lang": Param(text),
}
_RUN = {
    "files": Param(documents, required=True),  # NAME.yaml -> its bytes as text, each of them signed
    "signatures": Param(documents, required=True),
    "name": Param(text, required=True),
    "roles": Param(mapping),
    "params": Param(mapping),
    "ticket": Param(text),
    "lang": Param(text),
}
_READ = {"bundle": Param(text, required=True), "at": Param(number, required=True)}
_BRIDGE_SEND = {
    "bridge": Param(text, required=True),  # its name, which only who has opened it knows
    "at": Param(number, required=True),  # bytes that were sent before these
    "heard": Param(number, required=True),  # bytes that have come and were taken
    "data": Param(block),
}
_ANSWER = {
    "run": Param(text, required=True),
    "number": Param(number, required=True),  # of the message that asks
    "kind": Param(text, required=True),
    "value": Param(text),
}

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("ping", Capability.OBSERVE, {}),
        Method(BEGIN, Capability.OBSERVE, _BEGIN),  # for the other side's log; said first or never
        Method("about", Capability.OBSERVE, {}),
        Method("ports", Capability.OBSERVE, {}),
        Method("audit.head", Capability.OBSERVE, _HEAD),  # how far the peer's audit log has come
        Method("bundle", Capability.OBSERVE, {"lang": Param(text)}),
        Method("bundle.read", Capability.OBSERVE, _READ),
        Method("check", Capability.PROBE, _CHECK),
        Method("identify", Capability.PROBE, {"target": Param(text, required=True), "lang": Param(text)}),
        Method("playbook.look", Capability.PROBE, {"check": Param(mapping), "targets": Param(texts)}),
        Method("playbook.guide", Capability.PROBE, _RUN, repeatable=False),  # one that changes nothing
        Method(
            "playbook.run",
            Capability.FIX,
            {**_RUN, "ticket": Param(text, required=True), "grant": Param(text)},
            repeatable=False,
        ),
        Method("playbook.answer", Capability.PROBE, _ANSWER),  # of the supporter; consent is none of them
        Method(
            "playbook.news", Capability.PROBE, {"run": Param(text, required=True), "after": Param(number)}
        ),
        Method(
            "bridge.open",
            Capability.BRIDGE,
            {"target": Param(text, required=True), "grant": Param(text)},
            repeatable=False,
        ),
        Method("bridge.send", Capability.PROBE, _BRIDGE_SEND, repeatable=False),  # to one that was allowed
    )
}


def read_params(method: Method, given: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """Return the parameters of a request, each of them checked.

    Raises:
        ParamsError: one is missing, unknown, or not what it should be.
    """
    if not isinstance(given, dict):
        raise ParamsError("params", "an object", type(given).__name__)
    for name in given:
        if name not in method.params:
            raise ParamsError(name, ", ".join(method.params) or "no parameter", "an unknown name")
    read = {name: method.params[name].read(name, value) for name, value in given.items()}
    for name, param in method.params.items():
        if param.required and name not in read:
            raise ParamsError(name, "a value", "nothing")
    return read
