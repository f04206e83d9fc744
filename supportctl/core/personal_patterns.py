"""Cards, people, and the marks that we put in the place of what was taken out: for bundles and recordings.

They take more than a form to know (a label before a number, a word before a name), so reports and journals
do without them. Bounded as `secret_patterns`; group `s` is hidden.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supportctl.core.secret_patterns import Pattern, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

CARD, PERSON, MARK = "card", "name", "mark"
_WORD = r"[А-ЯЁ][а-яё]{1,30}(?:-[А-ЯЁ][а-яё]{1,30})?"
_LATIN = r"[A-Z][a-z]{1,30}"
_PEOPLE = (
    (
        r"(?i:кассир|оператор|администратор|продавец|сотрудник|клиент|контакт|абонент|фио|ф\.и\.о\.|менеджер)"
        rf"[а-яё]{{0,3}}[ \t]{{0,4}}[:=—–-]?[ \t]{{0,4}}[\"'«]?(?P<s>{_WORD}(?:[ \t]{{1,2}}{_WORD}){{1,2}})"
    ),
    (
        rf"(?i:cashier|operator|employee|customer|contact|manager|full name|caller)"
        rf"[ \t]{{0,4}}[:=-]?[ \t]{{0,4}}[\"']?(?P<s>{_LATIN}(?:[ \t]{{1,2}}{_LATIN}){{1,2}})"
    ),
    rf"(?P<s>(?<![\w-]){_WORD}[ \t]{{1,2}}[А-ЯЁ]\.[ \t]?[А-ЯЁ]\.)",
    rf"(?P<s>(?<![\w-]){_WORD}[ \t]{{1,2}}{_WORD}[ \t]{{1,2}}[А-ЯЁ][а-яё]{{1,30}}?(?:вич|вна|чна)\b)",
    r"(?P<s>(?<![\w.+-])[\w.+-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,4})",
)
_TOKEN = r"\[(?:secret|card|phone|name|mark)-\d{1,9}(?::[^\]\[\r\n]{1,60})?\]"  # noqa: S105  our own mark
TOKEN = re.compile(_TOKEN)
PEOPLE = tuple(Pattern(PERSON, text) for text in _PEOPLE)
MARKS = (Pattern(MARK, f"(?P<s>{_TOKEN})"),)
_HEX = frozenset("0123456789abcdefABCDEF")
_HASH = 24  # so long a row of hexadecimal digits with letters in it is a hash
_GROUPS = re.compile(r"\d{1,20}+")
_LABEL = re.compile(
    r"(?i)(?:(?<![а-яё])(?:ФН|РНМ|РН|ККТ|ЗН|ЗНМ|ИНН|КПП|ОГРН|ОГРНИП|ФП|ФПД|ФД"
    r"|штрих-?код|фискальн[а-яё]{1,4}|заводской|серийный)"
    r"|(?<![a-z])(?:fn|rnm|inn|kpp|ogrn|kkt|imei|iccid|gtin|ean|barcode|serial|factory|registration|fiscal|drive))"
    r"(?:[_. -]{0,3}(?:номер|number|num|serial|sn|no|id|касс[аы]|ккт|накопител[ья]|регистратор[а]?)){0,3}"
    r"[\"'»]?[:=№# \t]{0,8}[\"'«]?$"
)
_BEFORE = 64


def cards(text: str) -> Iterator[Span]:
    """Yield the numbers of bank cards: 13 to 19 digits, in groups or not, that pass Luhn's test.

    One in ten numbers of fiscal storages and registers passes it by chance: those with their label are left.
    """
    groups = [match.span() for match in _GROUPS.finditer(text)]
    for number, (start, _) in enumerate(groups):
        if number and groups[number - 1][1] == start:
            continue  # the rest of a longer number
        digits, last = "", start
        for begin, end in groups[number : number + 19]:
            if last != start and text[last:begin] not in {" ", "-"}:
                break
            digits, last = digits + text[begin:end], end
            if len(digits) > 19:
                break
            if len(digits) >= 13 and not text[end : end + 1].isdigit() and _luhn(digits):
                if not _LABEL.search(text[max(start - _BEFORE, 0) : start]) and not _in_hash(
                    text, start, end
                ):
                    yield Span(start, end, CARD)
                break


def _in_hash(text: str, start: int, end: int) -> bool:
    while start > 0 and end - start < 2 * _HASH and text[start - 1] in _HEX:
        start -= 1
    while end < len(text) and end - start < 2 * _HASH and text[end] in _HEX:
        end += 1
    return end - start >= _HASH and text[start:end].isalnum() and not text[start:end].isdigit()


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    whole = sum(int(digit) for digit in digits[-1::-2]) + sum(each - 9 * (each > 9) for each in doubled)
    return whole % 10 == 0 and len(set(digits)) > 1
