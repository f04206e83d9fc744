"""What looks like a secret, a card, a telephone number or a person, as bounded patterns. Group `s` is hidden.

Every repetition has an upper bound, and what can stand many times in a row is possessive: a line of a log
that was made for it must not cost more than its length (measured in `tests/security/test_redaction.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

REACH = 16 * 1024  # characters: no match is longer
_GAP = r"[ \t]{0,8}"
_LONG = (
    r"password|passwd|passphrase|passcode|token|api[_-]?key|access[_-]?key|private[_-]?key|secret(?!://)|community"
    r"|authorization|credential|session[_-]?id|sessid|пароль|пароля|паролем|токен|пин-?код|секрет|код доступа"
)
_SHORT = r"(?<![^\W\d_])(?:pass|pwd|pin|пин)(?![^\W\d_])"
_NAME = rf"(?:(?:{_LONG})[\w-]{{0,24}}|{_SHORT}[\w-]{{0,24}})"
_KEEP = r"(?!secret://|\*{3})"  # a reference is no secret, and what is hidden is hidden
_IS = r"(?:=>|:=|[:=—–])"
_SECRETS = (
    r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<s>[A-Za-z0-9+/=\s:,.\\-]{1,8000}+)",
    # name = "a value", 'name': 'a value'; and the same inside of a JSON text: {\\"name\\": \\"a value\\"}
    rf"(?i){_NAME}[\"'»]?{_GAP}{_IS}{_GAP}(?P<q>[\"'])(?P<s>{_KEEP}(?:\\.|(?!(?P=q))[^\\\r\n]){{1,1024}})",
    rf"(?i){_NAME}\\[\"']{_GAP}{_IS}{_GAP}\\[\"'](?P<s>{_KEEP}(?:(?!\\[\"'])[^\r\n]){{1,1024}}+)",
    rf"(?i){_NAME}{_GAP}{_IS}{_GAP}«(?P<s>[^»\r\n]{{1,256}}+)",
    rf"(?i){_NAME}\\?[\"'»]?{_GAP}{_IS}{_GAP}(?P<s>{_KEEP}(?:[^\s&;,\"'<>\\]|\\(?![\"'])){{1,512}}+)",
    rf"(?i)<[\w:.-]{{0,40}}?{_NAME}[^<>]{{0,80}}>(?P<s>[^<]{{1,512}}+)",
    (
        rf"(?i)(?<![\w-])--?[\w-]{{0,40}}?{_NAME}[ \t=]{{1,4}}"
        rf"(?P<s>{_KEEP}(?:\"[^\"\r\n]{{1,512}}+|'[^'\r\n]{{1,512}}+|[^\s\"']{{1,512}}+))"
    ),
    # as people write it: "Пароль оператора 30", "the operator password is 30"
    (
        r"(?i)(?:парол[а-яё]{1,3}|пин-?код[а-яё]{0,3})(?:[ \t]{1,4}[а-яё]{1,20}){0,3}[ \t:=—–-]{1,6}"
        r"(?P<s>(?=[^\s]{0,60}\d)[^\s,;]{1,64})"
    ),
    (
        r"(?i)(?:password|passcode|pin code)(?:[ \t]{1,4}[a-z]{1,20}){0,3}[ \t:=-]{1,6}"
        r"(?P<s>(?=[^\s]{0,60}\d)[^\s,;]{1,64})"
    ),
    (
        r"(?i)\b(?:proxy-)?authorization\\?[\"']?[ \t]{0,8}[=:][ \t]{0,8}\\?[\"']?"
        r"(?:[a-z]{1,16}[ \t]{1,8})?(?P<s>[^\s,;\"']{1,2048}+)"
    ),
    r"(?i)\b(?:set-)?cookie2?\\?[\"']?[ \t]{0,8}[:=][ \t]{0,8}\\?[\"']?(?P<s>[^\r\n\"']{1,4096}+)",
    r"(?i)\b(?:bearer|digest)[ \t]{1,8}(?P<s>[a-z0-9._~+/=-]{8,2048}+)",
    r"(?i)\bbasic[ \t]{1,8}(?P<s>(?=[a-z+/]{0,400}[0-9=])[a-z0-9+/=]{8,2048}+)",
    r"://[^\s/@:]{0,64}:(?P<s>[^\s/@]{1,256})@",
    r"(?i)[?&](?:key|pin|salt|auth|sig|signature|code|hash|access_token|refresh_token)=(?P<s>[^\s&\"'<>]{1,512}+)",
    # addresses that are secrets themselves
    r"(?i)/rest/\d{1,9}/(?P<s>[a-z0-9]{8,64}+)",
    r"(?i)\bbot(?P<s>\d{6,12}:[a-z0-9_-]{30,64}+)",
    r"(?<![\w:-])(?P<s>\d{8,12}:[A-Za-z0-9_-]{35}(?![\w-]))",
    r"(?i)hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[\w/-]{8,256}+)",
    r"(?i)discord(?:app)?\.com/api/webhooks/(?P<s>[\w/-]{8,256}+)",
    r"(?i)(?:webhook\.office\.com|logic\.azure\.com)[:\d]{0,6}/(?P<s>[^\s\"'<>]{8,1024}+)",
    r"(?i)/(?:web)?hooks?/(?P<s>[\w/.-]{12,256}+)",
    # well-known forms
    r"(?<![\w-])(?P<s>eyJ[\w-]{8,3000}+(?:\.[\w-]{0,3000}+){1,4})",
    r"(?<![\w-])(?P<s>(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk_live_|rk_live_|AKIA)[\w-]{16,255}+)",
)
PHONE = re.compile(
    r"(?<![\w./-])(?P<s>(?:\+\d(?:[ ()-]{0,2}\d){9,14}|[78](?:[ ()-]{0,2}\d){10}))(?![\w-]|\.\d)"
)
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
SECRET, CARD, PHONE_KIND, PERSON, MARK = "secret", "card", "phone", "name", "mark"
_TOKEN = r"\[(?:secret|card|phone|name|mark)-\d{1,9}(?::[^\]\[\r\n]{1,60})?\]"  # noqa: S105  our own mark
TOKEN = re.compile(_TOKEN)
SECRET_FIELD = re.compile(rf"(?i){_NAME}|cookie")
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


class Span(NamedTuple):
    """A piece of a text that is to be hidden."""

    start: int
    end: int
    kind: str


class Pattern(NamedTuple):
    """One pattern with what it finds."""

    kind: str
    pattern: re.Pattern[str]


SECRETS = tuple(Pattern(SECRET, re.compile(text)) for text in _SECRETS)
PHONES = (Pattern(PHONE_KIND, PHONE),)
PEOPLE = tuple(Pattern(PERSON, re.compile(text)) for text in _PEOPLE)
MARKS = (Pattern(MARK, re.compile(f"(?P<s>{_TOKEN})")),)


def found(pattern: Pattern, text: str) -> Iterator[Span]:
    """Yield what a pattern finds. The search goes on inside of what was found: `token: password: x`."""
    at = 0
    while match := pattern.pattern.search(text, at):
        start, end = match.span("s")
        yield Span(start, end, pattern.kind)
        at = max(start, match.start() + 1)


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
