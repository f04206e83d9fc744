"""What broke one codec is fed to all of them: tests/corpus/bytes.txt."""

import inspect
import itertools
import pkgutil
from contextlib import suppress
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

import probes.protocols
from probes.protocols import shtrih

_FILE = Path(__file__).parents[3] / "corpus" / "bytes.txt"
CORPUS = [
    line.split()[0] for line in _FILE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"
]
MODULES = [
    name
    for _, name, _ in pkgutil.iter_modules(probes.protocols.__path__)
    if hasattr(import_module(f"probes.protocols.{name}"), "Reader")
]
_ENOUGH = 1000
ONE_PIECE = [["bytes"], ["str"], ["bytes", "bytes"]]


def read_all(module, pieces):
    """Fail if a codec's reader never ends or raises anything but its own error."""
    for reader in readers(module):
        read_with(reader, module, pieces)


def readers(module):
    """Return a reader of a codec, or one for each of its framings."""
    if "framing" in inspect.signature(module.Reader).parameters:
        return [module.Reader(framing) for framing in module.Framing]
    return [module.Reader()]


def read_with(reader, module, pieces):
    for piece in pieces:
        reader.feed(piece)
        for _ in range(_ENOUGH):
            try:
                event = reader.next_event()
            except module.RemoteProtocolError:
                continue
            if event == "need more":
                break
        else:
            pytest.fail("the reader goes on and on about bytes that have an end")


def test_the_codecs_are_found():
    assert {"escpos", "star"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_breaks_a_codec(name):
    module = import_module(f"probes.protocols.{name}")
    for text in CORPUS:
        data = bytes.fromhex(text)
        read_all(module, [data])
        read_all(module, [bytes((byte,)) for byte in data])


@pytest.mark.parametrize("name", MODULES)
def test_nothing_breaks_a_codec_behind_something_else(name):
    module = import_module(f"probes.protocols.{name}")
    for first, second in itertools.product(CORPUS, CORPUS):
        read_all(module, [bytes.fromhex(first + second)])


def parsers():
    """Return every function of the codecs that reads an answer: what it is called with, what it may raise.

    Those are all that want one piece of bytes or text and, some of them, an option of an enumeration.
    """
    found = []
    for _, name, _ in pkgutil.iter_modules(probes.protocols.__path__):
        module = import_module(f"probes.protocols.{name}")
        own = [kind for kind in vars(module).values() if inspect.isclass(kind) and raised_by(kind, module)]
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                calls = calls_of(function, module)
                found += [pytest.param(call, tuple(own), id=f"{name}.{function.__name__}") for call in calls]
    return found


def raised_by(kind, module):
    protocols = {"RemoteProtocolError", "LocalProtocolError"}
    return issubclass(kind, Exception) and (kind.__module__ == module.__name__ or kind.__name__ in protocols)


def calls_of(function, module):
    signature = inspect.signature(function)
    wanted = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    options = [None]
    if wanted and (kind := enumeration(module, wanted[0].annotation)):
        options, wanted = list(kind), wanted[1:]
    sends = signature.return_annotation == "bytes"
    if sends or function.__name__[0] == "_" or [w.annotation for w in wanted] not in ONE_PIECE:
        return []
    return [partial(call, function, option, len(wanted), wanted[0].annotation) for option in options]


def enumeration(module, name):
    if name == "Command":  # Shtrih-M's: an answer is read as that of a command
        return shtrih.READ_COMMANDS
    kind = getattr(module, name, None)
    return kind if inspect.isclass(kind) and issubclass(kind, Enum) else None


def call(function, option, pieces, kind, data):
    first = () if option is None else (option,)
    told = data if kind == "bytes" else data.decode("latin-1")
    more = (data[8:20],) * (pieces - 1)  # STUN: the question's own number
    needs = inspect.signature(function).parameters
    return function(*first, told, *more, **({"proxy": False} if "proxy" in needs else {}))


PARSERS = parsers()


def test_the_parsers_are_found():
    names = {parameter.id for parameter in PARSERS}
    assert names >= {
        "http1.parse", "json_object.read_object", "snmp.parse", "ipp.parse", "sip.parse", "stun.parse",
        "utm.parse_info", "utm.parse_diagnosis", "marking.parse_status", "marking_cdn.parse_info",
        "atol_web.parse", "cgi_register.document", "digest.challenge", "sip_digest.read_challenge",
        "shtrih_answers.decode", "atol_answers.status", "datecs_values.clock", "tremol_values.unsent",
    }  # fmt: skip


@pytest.mark.parametrize(("read", "own"), PARSERS)
def test_nothing_breaks_a_parser(read, own):
    for first, second in itertools.product(["", *CORPUS], CORPUS):
        with suppress(*own):
            read(bytes.fromhex(first + second))
