"""What a code is, once nothing stands before or behind it, and what is wrong inside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from probes.scanning import shapes
from probes.scanning.elements import parse_elements
from probes.scanning.numbers import check_digit, glued, is_checked, number
from probes.scanning.separators import GS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.scanning.aim import Aim

# How sure it is that the code is of its kind: nothing known, its form alone, its form and a proof (check
# digit, fixed length) that chance gives rarely.
NOTHING, FORM, PROVEN = 0, 1, 2

_GTIN, _HEAD = 14, 18  # `01` + GTIN + `21`
_MAX_SERIAL = 20
_PROOFS = {"91": (4,), "92": (44, 88), "93": (4,)}  # how long their values are in a marking code
_FIELD_LIMIT = 13  # a serial of 13 and no more: the common input field of 31 characters cut the code
_TOBACCO = 29
_TOBACCO_FORM = re.compile(r"\d{14}[!-~]{15}")
_URL = re.compile(r"https?://[^\s/]+", re.IGNORECASE)
_PAYMENT = re.compile(r"ST0001[123]", re.IGNORECASE)
_RECEIPT = re.compile(r"t=\d{8}T\d{4,6}&s=[\d.]+&fn=\d+", re.IGNORECASE)
_BRACKETS = re.compile(r"\((\d{2,4})\)([^()]+)")


class Problem(NamedTuple):
    """What is wrong: a finding code, how it shows (a key of the evidence texts), and its arguments."""

    code: str
    meaning: str
    args: Mapping[str, str] = {}
    status: str = "fault"


class Reading(NamedTuple):
    """One code. `corrected` is the code as it should have been, None where it cannot be known.

    `key` is the value of AI 91, `group` a key of the evidence texts.
    """

    kind: str
    corrected: str | None
    sure: int = NOTHING
    problems: tuple[Problem, ...] = ()
    group: str = ""
    checked: bool = False
    separated: bool = False
    key: str = ""
    elements: Mapping[str, str] = {}


def read(code: str, aim: Aim | None = None) -> Reading:
    """Return what `code` is: without AIM identifier, prefix, suffix and leading FNC1."""
    return (
        _marking(code)
        or _marking_without_start(code)
        or _brackets(code)
        or _tobacco(code)
        or _gs1(code, aim)
        or _digits(code)
        or _other(code)
    )


def _digits(code: str) -> Reading | None:
    if not (code.isascii() and code.isdigit()):
        return None
    several = glued(code)
    if several:
        one = several[0] if len(set(several)) == 1 else None
        problem = Problem("scanner.suffix-missing", "scanner.codes-glued", {"count": str(len(several))})
        return Reading(number(several[0]).kind, one, PROVEN, (problem,), checked=True)
    found = number(code)
    if found.missing:
        seen = Problem("scanner.truncated", "scanner.digits-missing", {"count": str(len(code))})
        return Reading(found.kind, None, FORM, (seen,))
    if found.checked is False:
        return Reading(found.kind, None, FORM, (_wrong_digit(code),))
    if found.checked is None:
        return Reading(found.kind, code)
    return Reading(found.kind, code, PROVEN, checked=True)


def _marking(code: str) -> Reading | None:
    """Return the reading of `01` + GTIN + `21` + serial + proof."""
    if not re.match(r"01\d{14}21.", code, re.ASCII | re.DOTALL):
        return _marking_with_gap(code)
    gtin, rest = code[2:16], code[_HEAD:].rstrip(GS)
    checked = is_checked(gtin)
    reading = _behind_serial(code[:_HEAD], rest)
    if checked:
        return reading._replace(checked=True)
    if reading.sure < PROVEN and GS not in rest:
        return None
    problems = (_wrong_digit(gtin), *reading.problems)
    return reading._replace(problems=problems, corrected=None, sure=FORM)


def _marking_with_gap(code: str) -> Reading | None:
    """Return the reading of a marking code that has lost digits of its GTIN."""
    gap = re.match(r"01\d{10,13}21(.+)", code, re.ASCII | re.DOTALL)
    if gap is None or not (shapes.fitting(gap[1]) and (GS in gap[1] or len(gap[1]) > _MAX_SERIAL)):
        return None
    seen = Problem("scanner.truncated", "scanner.gtin-too-short", {"count": str(gap.start(1) - 4)})
    return Reading("marking", None, PROVEN, (seen,))


def _behind_serial(head: str, rest: str) -> Reading:
    """Return the reading of a marking code by what stands behind `21`."""
    fits = shapes.fitting(rest)
    if not fits:
        return _unknown_form(head, rest)
    shape = fits[0]
    whole = shape.whole(rest.replace(GS, ""))
    reading = Reading("marking", head + whole, PROVEN, group=shape.group, separated=True)
    reading = reading._replace(key=dict(_tails(whole)).get("91", ""))
    if whole == rest:
        return reading
    args = {"length": str(len(head + rest)), "expected": str(len(head + whole))}
    lost = Problem("scanner.gs-lost", "scanner.separator-missing-by-length", args)
    known = head + whole if len(fits) == 1 else None
    return reading._replace(problems=(lost,), separated=False, corrected=known)


def _unknown_form(head: str, rest: str) -> Reading:
    begun = shapes.beginning(rest)
    separated = GS in rest
    count = {"count": str(len(head + rest))}
    cut = Problem("scanner.truncated", "scanner.end-missing", count)
    if separated:
        return _separated(head, rest, cut if begun or _is_cut(rest) else None)
    if begun:
        lost = Problem("scanner.gs-lost", "scanner.separator-missing-by-form", count)
        return Reading("marking", None, PROVEN, (lost, cut))
    if len(rest) > _MAX_SERIAL:
        lost = Problem("scanner.gs-lost", "scanner.serial-too-long", {"count": str(len(rest))})
        return Reading("marking", None, FORM, (lost,))
    whole = len(rest) in shapes.serial_lengths() and len(rest) != _FIELD_LIMIT
    bare = Problem("scanner.truncated", "scanner.proof-missing", count, "warning" if whole else "fault")
    return Reading("marking", None, FORM, (bare,))


def _separated(head: str, rest: str, cut: Problem | None) -> Reading:
    """Return the reading of a code that has separators, but is of no known form."""
    reading = Reading("marking", head + rest, PROVEN, separated=True, key=dict(_tails(rest)).get("91", ""))
    if cut is not None:
        return reading._replace(problems=(cut,), corrected=None)
    parsed = parse_elements(head + rest)
    reading = reading._replace(elements=parsed.values)
    if parsed.trouble:
        return reading._replace(problems=(_unparsed(parsed.trouble, parsed.rest),), corrected=None, sure=FORM)
    size = len(rest.partition(GS)[0])
    if any(len(value) not in _PROOFS.get(ai, (len(value),)) for ai, value in _tails(rest)):
        odd = Problem("scanner.not-understood", "scanner.proof-too-long", status="unknown")
        return reading._replace(problems=(odd,), corrected=None, sure=FORM)
    if size not in shapes.serial_lengths():
        odd = Problem("scanner.truncated", "scanner.serial-length-odd", {"count": str(size)}, "warning")
        return reading._replace(problems=(odd,), corrected=None)
    return reading


def _tails(rest: str) -> list[tuple[str, str]]:
    """Return (AI, value) of each part behind the serial number, by the two digits of 91, 92 and 93."""
    return [(part[:2], part[2:]) for part in rest.split(GS)[1:]]


def _is_cut(rest: str) -> bool:
    """Return whether the proof behind the serial number has begun and is too short for any form."""
    tails = _tails(rest)
    last = tails[-1] if tails else ("", "")
    least = {"91": 4, "92": 44, "93": 4}.get(last[0], 0)
    return len(last[0]) < 2 or len(last[1]) < least or tails[-1][0] == "91" or 44 < len(last[1]) < 88


def _marking_without_start(code: str) -> Reading | None:
    """Return the reading of a marking code that lost its first `01`."""
    found = re.match(r"(\d{14})21(.+)", code, re.ASCII | re.DOTALL)
    if found is None or not is_checked(found[1]) or not shapes.fitting(found[2]):
        return None
    if _TOBACCO_FORM.fullmatch(code):
        return None
    reading = _behind_serial(f"01{found[1]}21", found[2])
    lost = Problem("scanner.truncated", "scanner.start-missing", {"count": str(len(code))})
    return reading._replace(problems=(lost, *reading.problems), checked=True)


def _tobacco(code: str) -> Reading | None:
    """Return the reading of a tobacco pack's code: GTIN, serial, price and proof, without any AI."""
    gtin = code[:_GTIN]
    if not re.fullmatch(r"0\d{13}", gtin, re.ASCII):
        return None
    behind = code[_GTIN:]
    if _TOBACCO_FORM.fullmatch(code) and not behind.isdigit():
        if is_checked(gtin):
            return Reading("tobacco-pack", code, PROVEN, checked=True)
        return Reading("tobacco-pack", None, FORM, (_wrong_digit(gtin),))
    if len(code) < _TOBACCO and is_checked(gtin) and len(behind) >= 4 and re.fullmatch(r"[!-~]+", behind):
        if behind.isdigit() or behind.startswith("21"):
            return None
        cut = Problem("scanner.truncated", "scanner.end-missing", {"count": str(len(code))})
        return Reading("tobacco-pack", None, FORM, (cut,), checked=True)
    return None


def _gs1(code: str, aim: Aim | None) -> Reading | None:
    """Return the reading of other GS1 codes: boxes and pallets, dates, weights."""
    gtin = re.match(r"0[12](\d{14})", code, re.ASCII)
    sscc = re.match(r"00(\d{18})", code, re.ASCII)
    number_ = next((found[1] for found in (gtin, sscc) if found), "")
    certain = bool(number_) and is_checked(number_) and (gtin is not None or len(code) == 20)
    if not certain and not (GS in code or (aim is not None and aim.gs1)):
        return None
    parsed = parse_elements(code.strip(GS))
    if not parsed.values or (parsed.trouble and not certain and not (aim and aim.gs1)):
        return None if not (aim and aim.gs1) else Reading("gs1", None, NOTHING, (_unparsed("unknown", code),))
    wrong = bool(number_) and not is_checked(number_)
    problems: tuple[Problem, ...] = (_wrong_digit(number_),) if wrong else ()
    if parsed.trouble:
        problems += (_unparsed(parsed.trouble, parsed.rest),)
    kind = "sscc" if sscc and "00" in parsed.values else "gs1"
    known = None if problems else code.strip(GS)
    checked = bool(number_) and is_checked(number_)
    sure = PROVEN if checked and not problems else FORM
    return Reading(kind, known, sure, problems, checked=checked, separated=GS in code, elements=parsed.values)


def _brackets(code: str) -> Reading | None:
    """Return the reading of a code with its AIs in brackets, as they are printed for people to read."""
    parts = _BRACKETS.findall(code)
    if not parts or "".join(f"({ai}){value}" for ai, value in parts) != code:
        return None
    plain = "".join(
        ai + value + ("" if ai[:2] in {"00", "01", "02", "11", "12", "13", "15", "17"} else GS)
        for ai, value in parts
    ).rstrip(GS)
    reading = _marking(plain) or _gs1(plain, None)
    if reading is None or reading.sure < FORM:
        return None
    return reading._replace(problems=(Problem("scanner.brackets", "scanner.in-brackets"), *reading.problems))


def _other(code: str) -> Reading:
    if _URL.match(code):
        return Reading("url", code, FORM)
    if _PAYMENT.match(code):
        return Reading("payment", code, FORM)
    if _RECEIPT.match(code):
        return Reading("receipt", code, FORM)
    return Reading("text", code)


def _wrong_digit(digits: str) -> Problem:
    args = {"digits": digits, "expected": check_digit(digits[:-1]), "found": digits[-1]}
    return Problem("scanner.check-digit", "scanner.check-digit-wrong", args)


def _unparsed(trouble: str, rest: str) -> Problem:
    if trouble == "cut":
        return Problem("scanner.truncated", "scanner.element-cut", {"rest": rest[:40]})
    if trouble == "separator":
        return Problem("scanner.gs-lost", "scanner.value-too-long", {"rest": rest[:40]})
    return Problem("scanner.not-understood", "scanner.element-unknown", {"rest": rest[:40]}, "unknown")
