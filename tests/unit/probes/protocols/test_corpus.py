"""What broke one codec is fed to all of them: tests/corpus/bytes.txt."""

import inspect
import itertools
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import probes.protocols

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
