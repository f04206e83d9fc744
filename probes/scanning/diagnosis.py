"""From one scanned string to what is wrong with the scanner: the disguises are taken off one after another.

The order is that of the reference for devices, section 7: what surrounds the code, the keyboard's layout and
case, what stands for the separator, the AIM identifier, a prefix, and then the code itself (`reading`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from probes.scanning.aim import Aim, aim_of, split_aim
from probes.scanning.keyboard import digits_typed_as_symbols, from_russian, is_cyrillic
from probes.scanning.reading import FORM, NOTHING, PROVEN, Problem, Reading, read
from probes.scanning.separators import GS, Substitute, replaced, written_out
from probes.scanning.symbols import wrong_symbol
from supportctl.core.finding import Meaning

MAX_CHARACTERS = 8192  # the largest symbol, a QR, holds 7089
_LEADS = "\x02\x00\t\r\n \ufeff\xe8" + GS  # STX, FNC1 as GS or as its code word, a file's byte order mark
_ENDS = "\x03\x04\x00\t\r\n "
_HEADROOM = 16  # shorter than any code with a separator
_SEARCHED = 640  # only codes of goods are searched for a prefix and for a second code; none is longer
_LONGEST_PREFIX = 16
_EAN_KINDS = {"ean-13", "ean-13-in-store"}
_HEX_LOWER = re.compile(r"(?=(?:.*[a-f]){2})[0-9a-f]{4}")
_INVERTED = (
    re.compile(r"HTTPS?://.*[a-z]", re.DOTALL),
    re.compile(r"st0001[123]"),
    re.compile(r"T=\d{8}t\d{4,6}&S="),
)
_GOODS = {*_EAN_KINDS, "marking", "tobacco-pack"}
_SHORTEST = 13  # an EAN-13; two shorter codes in a row are hardly told from a long number
_GLUED = Problem("scanner.suffix-missing", "scanner.codes-glued", {"count": "2"})
_SECOND = re.compile(r"(?:\][A-Za-z]\d)?(?:01)?0\d{13}")


class Diagnosis(NamedTuple):
    """What is known of one scan. `problems` are empty for a scan without fault.

    `corrected` is the code as it should have been, without AIM identifier, prefix and suffix; None where it
    cannot be known. `suffix` is what stood behind the code, `separator` what stood for GS if not GS.
    """

    raw: str
    kind: str
    corrected: str | None
    problems: tuple[Problem, ...]
    reading: Reading
    aim: Aim | None = None
    suffix: str = ""
    separator: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands there but what surrounds a code."""
        return not self.reading.corrected and not self.problems and self.kind == "text"

    @property
    def symbology(self) -> str | None:
        """The symbology by the AIM identifier, None where there was none."""
        return self.aim.name if self.aim else None

    def elements(self) -> dict[str, str]:
        """Return AI -> value of the corrected code; empty where it has none or is not known."""
        if self.corrected is None or self.kind not in {"marking", "gs1", "sscc"}:
            return {}
        from probes.scanning.elements import parse_elements

        return parse_elements(self.corrected).values


class _View(NamedTuple):
    """One way to see the text."""

    reading: Reading
    aim: Aim | None
    problems: tuple[Problem, ...] = ()
    separator: str = ""


def diagnose(raw: str) -> Diagnosis:
    """Return what one scan says. Any text is taken; what is longer than MAX_CHARACTERS is not searched."""
    core = raw.lstrip(_LEADS).rstrip(_ENDS)
    suffix = raw[len(raw.rstrip(_ENDS)) :]
    typed, typing = _as_typed(core)
    view = _view(typed)
    aim, reading = view.aim, view.reading
    problems = [*typing, *view.problems, *reading.problems]
    wrong = wrong_symbol(aim, reading)
    if wrong is not None and wrong.code not in {problem.code for problem in problems}:
        problems.append(wrong)
    corrected = None if wrong and wrong.code == "scanner.truncated" else reading.corrected
    if any(p.code == "scanner.digits-shifted" for p in typing) and not typed.isdigit():
        corrected = None  # nobody can tell the case of letters that were typed with Shift
    if any(problem.status == "unknown" for problem in problems):
        corrected = None
    return Diagnosis(raw, reading.kind, corrected, tuple(problems), reading, aim, suffix, view.separator)


def _as_typed(text: str) -> tuple[str, list[Problem]]:
    """Return the text as the scanner meant it, and what the keyboard did to it."""
    marked = written_out(text)
    plain = marked[0].text if marked and len(marked[0].text) > _HEADROOM else text
    if is_cyrillic(plain) and not _is_genuine(plain):
        layout = Problem("scanner.layout-cyrillic", "scanner.typed-on-russian")
        as_is, inverted = from_russian(plain), from_russian(plain.swapcase())
        if _caps_proof(as_is) or (aim_of(inverted) and not aim_of(as_is)):
            return inverted, [layout, Problem("scanner.caps-lock", "scanner.case-inverted")]
        return as_is, [layout]
    proof = _caps_proof(plain)
    if proof:
        return plain.swapcase(), [Problem("scanner.caps-lock", proof)]
    return _with_digits(plain) or (text, [])


def _is_genuine(text: str) -> bool:
    """Return whether Russian letters belong there: a Russian layout types no Latin ones beside them."""
    if any("a" <= letter <= "z" for letter in text.lower()):
        return True
    return " " in text and _view(from_russian(text)).reading.sure == NOTHING


def _caps_proof(text: str) -> str:
    """Return how it shows that every letter has the other case (a key of the evidence texts), or ""."""
    swapped = text.swapcase()
    aim, meant = aim_of(text), aim_of(swapped)
    if meant is not None and (aim is None or (_contradicts(aim, text) and not _contradicts(meant, swapped))):
        return "scanner.aim-inverted"
    if any(pattern.match(text) for pattern in _INVERTED):
        return "scanner.case-inverted"
    return "scanner.key-inverted" if _HEX_LOWER.fullmatch(_view(text).reading.key) else ""


def _contradicts(aim: Aim, text: str) -> bool:
    """Return whether EAN (`]E`) and DataBar (`]e`) are exchanged: the one is short, the other has AIs."""
    code = text[len(aim.id) :]
    if aim.id[1] == "E":
        return code.isdigit() and code.startswith("01") and len(code) >= 16
    return aim.id[1] == "e" and code.isdigit() and len(code) in {8, 12, 13}


def _with_digits(text: str) -> tuple[str, list[Problem]] | None:
    """Return the text with digits where all of its digits came as symbols."""
    for layout, candidate in digits_typed_as_symbols(text):
        reading = _view(candidate).reading
        whole = candidate.isascii() and candidate.isdigit() and len(candidate) >= 8
        if reading.sure == PROVEN or whole:
            args = {"layout": Meaning(f"scanner.layout-{layout}")}
            shifted = Problem("scanner.digits-shifted", "scanner.symbols-for-digits", args)
            russian = [Problem("scanner.layout-cyrillic", "scanner.typed-on-russian")]
            return candidate, [*(russian if layout == "russian" else []), shifted]
    return None


def _view(text: str) -> _View:
    """Return the best way to see `text`: as it is, with separators put back, as two codes, after a prefix."""
    first = _plain(text)
    if first.reading.sure == PROVEN and not first.reading.problems:
        return first
    if len(text) > _SEARCHED:
        return first
    return _with_separators(text) or _two_codes(text) or _behind_prefix(text, first) or first


def _plain(text: str) -> _View:
    aim, code = split_aim(text)
    return _View(read(code.lstrip("\xe8" + GS), aim), aim)


def _with_separators(text: str) -> _View | None:
    """Return the view with real separators if something stood for them."""
    for candidate in written_out(text) or replaced(text):
        view = _plain(candidate.text)
        if view.reading.sure < PROVEN:
            view = _behind_prefix(candidate.text, view) or view
        if view.reading.sure == PROVEN and _believable(candidate, view.reading):
            return _alt_digits(view) if candidate.typed else view._replace(separator=candidate.shown)
    return None


def _believable(candidate: Substitute, reading: Reading) -> bool:
    """Return whether the substitute makes a whole code; what is written out needs no other proof."""
    written = len(candidate.shown) > 1 and not candidate.typed
    whole = bool(reading.group) and reading.separated
    return whole or (written and reading.kind in {"marking", "gs1"})


def _alt_digits(view: _View) -> _View:
    lost = Problem("scanner.gs-lost", "scanner.alt-digits")
    return view._replace(problems=(*view.problems, lost))


def _behind_prefix(text: str, first: _View) -> _View | None:
    """Return the view without what the scanner sent before the code."""
    if first.reading.sure == PROVEN or (first.reading.sure == FORM and first.reading.kind == "marking"):
        return None
    weak: _View | None = None
    aim, body = split_aim(text)
    for size in range(1, min(_LONGEST_PREFIX, len(body) - 8) + 1):
        inner, code = split_aim(body[size:])
        reading = read(code.lstrip("\xe8" + GS), inner or aim)
        if not _is_goods(reading, body[:size]):
            continue
        prefix = Problem("scanner.prefix", "scanner.characters-before", {"prefix": body[:size]})
        view = _View(reading, inner or aim, (prefix,))
        if reading.sure == PROVEN:
            return view
        weak = weak or view
    return weak


def _is_goods(reading: Reading, prefix: str) -> bool:
    """Return whether the code behind `prefix` is one by which the prefix is believed."""
    behind_digit = prefix[-1:].isdigit()
    if reading.kind in {"marking", "gs1"}:
        return reading.sure == PROVEN or (
            reading.kind == "marking" and not behind_digit and (reading.checked or bool(reading.group))
        )
    if reading.kind == "tobacco-pack":
        return reading.sure == PROVEN and not behind_digit
    if reading.kind in _EAN_KINDS:
        letters = any(character.isalnum() for character in prefix)
        return not behind_digit and (reading.sure == PROVEN or not letters) and len(prefix) <= 5
    short = reading.kind in {"ean-8", "upc-a", "itf-14"} and reading.sure == PROVEN
    return short and len(prefix) <= 2 and not behind_digit


def _two_codes(text: str) -> _View | None:
    """Return the view of two codes with nothing between them."""
    half = len(text) // 2
    if len(text) >= 2 * _SHORTEST and len(text) % 2 == 0 and text[:half] == text[half:]:
        twice = _view(text[:half])
        if twice.reading.sure > NOTHING and twice.reading.kind in _GOODS:
            return twice._replace(problems=(_GLUED, *twice.problems))
    cuts = [match.start() for match in _SECOND.finditer(text) if match.start() >= _SHORTEST][:8]
    cuts += [len(text) - _SHORTEST, _SHORTEST] if len(text) > 2 * _SHORTEST else []
    for cut in cuts:
        left, right = _plain(text[:cut]), _plain(text[cut:])
        if _is_whole(left.reading) and _is_whole(right.reading):
            return left._replace(reading=left.reading._replace(corrected=None), problems=(_GLUED,))
    return None


def _is_whole(reading: Reading) -> bool:
    return reading.sure == PROVEN and all(p.code == "scanner.gs-lost" for p in reading.problems)
