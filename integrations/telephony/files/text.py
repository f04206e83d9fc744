"""Lines of a file that somebody else has written: its encoding found, every line bounded, torn ones named.

A line costs only itself: what cannot be decoded, holds a NUL or never ends is rejected with its number, and
the next one is read.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, BinaryIO

from supportctl.core.call import Rejected
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINE = 1024 * 1024
_SAMPLE = 256 * 1024
_CHUNK = 256 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_CYRILLIC = frozenset(range(0xC0, 0x100)) | frozenset(b"\xa8\xb8\xaa\xba\xaf\xbf\xb2\xb3\xa5\xb4\xa1\xa2")
_PUNCTUATION = frozenset(b"\x84\x85\x91\x92\x93\x94\x96\x97\xa0\xa7\xa9\xab\xae\xb0\xb9\xbb")
_NO_TEXT = 0.05  # this share of NUL bytes is no text

Line = tuple[int, str]


class TextFile:
    """A file of text. `encoding` is what it seems to be written in."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self.encoding, self._sample = _sniff(file.read(_SAMPLE), name)

    @property
    def beginning(self) -> str:
        """The first characters, for a look at what this is."""
        return self._sample[:4096].decode(self.encoding, "replace").lstrip("\ufeff")

    def lines(self, longest: int = MAX_LINE) -> Iterator[Line | Rejected]:
        """Yield each line with its number, and what is no line of text."""
        wide = self.encoding.startswith("utf-16")
        chunks = self._transcoded() if wide else self._chunks()
        # whether 8-bit lines may be Windows-1251; None as long as everything was ASCII
        cyrillic = {"utf-8": False, "cp1251": True}.get(self.encoding)
        for number, line in enumerate(_split(chunks, longest), 1):
            if line is None:
                yield Rejected(number, "calls.line-too-long", {"limit": str(longest)})
                continue
            if b"\0" in line:
                yield Rejected(number, "calls.nul", {})
                continue
            try:
                text = line.decode()  # what is written in Windows-1251 is practically never valid UTF-8, too
            except UnicodeDecodeError:
                if cyrillic is False or wide or not _is_cyrillic(line):
                    yield Rejected(number, "calls.bad-encoding", {})
                    continue
                cyrillic = True
                text = line.decode("cp1251")
            else:
                if cyrillic is None and not line.isascii():
                    cyrillic = False
            yield number, text

    def _chunks(self) -> Iterator[bytes]:
        yield self._sample
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def _transcoded(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("surrogatepass")
        try:
            for chunk in self._chunks():
                # half a pair makes bytes that are no UTF-8: its line is rejected, the others are not
                yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
            yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            yield b"\xff"  # torn in the middle of a character


def _split(chunks: Iterable[bytes], longest: int) -> Iterator[bytes | None]:
    """Yield lines without their ends; None for one that is longer than `longest`."""
    rest = b""
    skipping = False
    for chunk in chunks:
        *lines, rest_of_chunk = chunk.split(b"\n")
        for line in lines:
            whole = rest + line if rest else line
            rest = b""
            if skipping or len(whole) > longest:
                skipping = False
                yield None
            else:
                yield whole.removesuffix(b"\r")
        rest += rest_of_chunk
        if len(rest) > longest:
            skipping, rest = True, b""
    if skipping:
        yield None
    elif rest:
        yield rest.removesuffix(b"\r")


def _sniff(sample: bytes, name: str) -> tuple[str, bytes]:
    """Return the encoding, and the sample without its mark.

    Raises:
        UsageError: this is no text.
    """
    if sample.startswith(_SPREADSHEETS):
        raise UsageError("calls.spreadsheet", found=name)
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding, sample[len(mark) :]
    return _sniff_unmarked(sample, name), sample


def _sniff_unmarked(sample: bytes, name: str) -> str:
    beginning = sample[:4096]
    first, second = beginning[::2].count(0), beginning[1::2].count(0)
    if (first + second) > _NO_TEXT * len(beginning):
        if second > 10 * first:
            return "utf-16-le"
        if first > 10 * second:
            return "utf-16-be"
        raise UsageError("calls.not-text", found=name)
    lines = sample.split(b"\n")
    if len(sample) == _SAMPLE and len(lines) > 1:
        lines.pop()  # it may be cut in the middle of a character
    others = [line for line in lines if not line.isascii()]
    if any(_is_utf8(line) for line in others):
        return "utf-8"
    return "cp1251" if any(_is_cyrillic(line) for line in others) else "ascii"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_cyrillic(line: bytes) -> bool:
    """Return whether bytes make sense as Windows-1251: letters and the marks that stand between them."""
    high = [byte for byte in line if byte >= 0x80]
    letters = sum(byte in _CYRILLIC for byte in high)
    return all(byte in _CYRILLIC or byte in _PUNCTUATION for byte in high) and 2 * letters >= len(high)
