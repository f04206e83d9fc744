"""What looks like a secret or a telephone number: the one set of patterns, for all that is written.

Two tiers. `STRUCTURED` is a secret by its form: `name = value`, headers, addresses, known forms of tokens.
`PROSE` is what people write ("Пароль оператора 30"): our own advice reads the same, so it is for what people
typed, for logs and for bundles, not for the texts of the catalogue.

Every repetition has an upper bound, and what can stand many times in a row is possessive: a line of a log
that was made for it must not cost more than its length (measured in `tests/security/test_redaction.py`).
Most texts hold none of the words without which no pattern fits: a pattern is compiled when one first does.
Group `s` is hidden.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REACH = 16 * 1024  # characters: no match is longer
SECRET, PHONE_KIND = "secret", "phone"
HIDDEN = "***"  # what stands in the place of a secret
_GAP = r"[ \t]{0,8}"
_LONG = (
    r"password|passwd|passphrase|passcode|token|api[_-]?key|access[_-]?key|private[_-]?key|secret(?!://)|community"
    r"|authorization|credential|session[_-]?id|sessid|pwd"
    r"|пароль|пароля|паролем|токен|пин-?код|секрет|код доступа"
)
_SHORT = r"(?<![^\W\d_])(?:(?:db|user|usr|sql|root|admin|ftp|smtp|mail|login)?pass|pin|пин)(?![^\W\d_])"
_NAME = rf"(?:(?:{_LONG})[\w-]{{0,24}}|{_SHORT}[\w-]{{0,24}})"
_WORDS = (
    "pass|pwd|pin|token|apikey|api_key|api-key|accesskey|access_key|access-key|privatekey|private_key|private-key"
    "|secret|community|authorization|credential|sess|парол|токен|пин|секрет|код доступа"
)
# a reference is no secret, what is hidden is hidden, and `?key=FILE` of a help text is none
_BLANK = r"(?-i:PASSWORD|ПАРОЛЬ|TOKEN|FILE|PATH|…)"
_KEEP = (
    r"(?!secret://|\*{3}(?=[\s&;,\"'<>\\»`)\]}]|$)"
    rf"|{_BLANK}(?=[`'\")\]}},.;:|]{{0,3}}(?:\s|$))|`[).,;:]{{0,2}}(?:\s|$))"
)
_TAG = r"<(?![/!?]|[\w:.-]{1,40}+(?:\s[^<>]{0,160}+)?/?>)"  # one that begins no element
_BARE = (
    rf"(?:[^\s&;,\"'<>\\]|\\(?![\"'])|{_TAG})(?:[^\s&;,\"'<>\\]|\\(?![\"'])|[\"'>](?=\w)|{_TAG}){{0,511}}+"
)
# `expired_token: The access token provided has expired.`: a sentence about a secret after an error's name.
# What could be a secret alone is none: it takes a word that says how or which, and then what, or the reverse.
_WHAT = (
    r"(?:token|password|credentials?|authori[sz]ation|authentication|session|key|login|signature|request"
    r"|токен[а-я]{0,2}|парол[а-я]{1,2}|ключ[а-я]{0,2}|логин[а-я]{0,2}|сесси[а-я]{1,2}|подпис[а-я]{1,2})"
)
_HOW = (
    r"(?:the|this|your|an?|no|invalid|wrong|bad|incorrect|expired|missing|unknown|revoked"
    r"|неверн[а-я]{2}|неправильн[а-я]{2}|недействительн[а-я]{2}|просроченн[а-я]{2}|срок действия)"
)
_ENDED = (
    r"(?:(?:is|are|was|were|has|have|must|cannot|not|or|provided)(?![\w-])"
    r"|(?:expired|invalid|missing|required|revoked)(?=[.,;!]?(?:\s|$))"
    r"|(?:не ?действител|не ?вер|истёк|истек|просрочен|отозван|не найден|не указан)[а-я]{0,4}(?![\w-]))"
)
_SAID = (
    rf"(?<=:[ \t])(?:{_HOW}(?:[ \t][a-zа-яё]{{1,20}}+){{0,2}}?[ \t]{_WHAT}(?![\w-])"
    rf"|(?:access[ \t_])?{_WHAT}(?:[ \t]доступа)?[ \t]{_ENDED}|(?:unable|failed)[ \t]to[ \t][a-z])"
)
_IS, _DASH = r"(?:=>|:=|={1,3}+|:)", r"[—–]"


def _named(sign: str) -> tuple[str, ...]:
    """Return what hides the value after a telling name and a sign, in each kind of quotes and without."""
    return (
        # name = "a value", 'name': 'a value'; and the same inside of a JSON text: {\\"name\\": \\"a value\\"}
        rf"(?i){_NAME}[\"'»]?{_GAP}{sign}\s{{0,8}}(?P<q>[\"'])(?P<s>{_KEEP}(?:\\.|(?!(?P=q))[^\\\r\n]){{1,1024}})",
        rf"(?i){_NAME}\\[\"']{_GAP}{sign}{_GAP}\\[\"'](?P<s>{_KEEP}(?:(?!\\[\"'])[^\r\n]){{1,1024}}+)",
        rf"(?i){_NAME}{_GAP}{sign}{_GAP}«(?P<s>{_KEEP}[^»\r\n]{{1,256}}+)",
        rf"(?i){_NAME}\\?[\"'»]?{_GAP}{sign}{_GAP}(?P<s>{_KEEP}(?!{_SAID}){_BARE})",
    )


class Span(NamedTuple):
    """A piece of a text that is to be hidden."""

    start: int
    end: int
    kind: str


class Pattern(NamedTuple):
    """One pattern with what it finds."""

    kind: str
    source: str

    @property
    def regex(self) -> re.Pattern[str]:
        """Return it compiled, when it is first needed."""
        return _compiled(self.source)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


class Group(NamedTuple):
    """Patterns, none of which fits a text in which none of the words stands in lower case."""

    words: tuple[str, ...]
    patterns: tuple[Pattern, ...]


def _group(words: str, *sources: str) -> Group:
    return Group(tuple(words.split("|")), tuple(Pattern(SECRET, source) for source in sources))


STRUCTURED = (
    _group(
        "private key",
        r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<s>[A-Za-z0-9+/=\s:,.\\-]{1,8000}+)",
    ),
    _group(
        _WORDS,
        *_named(_IS),
        rf"(?i)<[\w:.-]{{0,40}}?{_NAME}[^<>]{{0,80}}>(?P<s>[^<]{{1,512}}+)",
        rf"(?i)(?<![\w-])--?[\w-]{{0,40}}?{_NAME}[ \t=]{{1,4}}"
        rf"(?P<s>{_KEEP}(?:\"[^\"\r\n]{{1,512}}+|'[^'\r\n]{{1,512}}+|[^\s\"']{{1,512}}+))",
    ),
    _group(
        "authorization",
        r"(?i)\b(?:proxy-)?authorization\\?[\"']?[ \t]{0,8}[=:][ \t]{0,8}\\?[\"']?"
        r"(?:[a-z]{1,16}[ \t]{1,8})?(?P<s>(?:[^\s,;\"']|[\"'](?=\w)){1,2048}+)",
    ),
    _group(
        "cookie",
        r"(?i)\b(?:set-)?cookie2?\\?[\"']?[ \t]{0,8}[:=][ \t]{0,8}\\?[\"']?(?P<s>[^\r\n\"']{1,4096}+)",
    ),
    _group("bearer|digest", r"(?i)\b(?:bearer|digest)[ \t]{1,8}(?P<s>[a-z0-9._~+/=-]{8,2048}+)"),
    _group("basic", r"(?i)\bbasic[ \t]{1,8}(?P<s>(?=[a-z+/]{0,400}[0-9=])[a-z0-9+/=]{8,2048}+)"),
    _group("@", rf"://[^\s/@:]{{0,64}}:(?P<s>(?!{_BLANK}@)[^\s/]{{1,256}})@"),
    _group(
        "key=|pin=|salt=|auth=|sig=|signature=|code=|hash=|token=",
        r"(?i)[?&](?:key|pin|salt|auth|sig|signature|code|hash|access_token|refresh_token)="
        rf"(?P<s>{_KEEP}(?:[^\s&\"'<>]|[\"'>](?=\w)|{_TAG}){{1,512}}+)",
    ),
    # addresses that are secrets themselves
    _group("/rest/", r"(?i)/rest/\d{1,9}/(?P<s>[a-z0-9]{8,64}+)"),
    _group("bot", r"(?i)\bbot(?P<s>\d{6,12}:[a-z0-9_-]{30,64}+)"),
    _group(":", r"(?<![\w:-])(?P<s>\d{8,12}:[A-Za-z0-9_-]{35}(?![\w-]))"),
    _group(
        "hooks.slack.com",
        r"(?i)hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[\w/-]{8,256}+)",
    ),
    _group("/api/webhooks/", r"(?i)discord(?:app)?\.com/api/webhooks/(?P<s>[\w/-]{8,256}+)"),
    _group(
        "webhook.office.com|logic.azure.com",
        r"(?i)(?:webhook\.office\.com|logic\.azure\.com)[:\d]{0,6}/(?P<s>[^\s\"'<>]{8,1024}+)",
    ),
    _group("/hook|/webhook", r"(?i)/(?:web)?hooks?/(?P<s>[\w/.-]{12,256}+)"),
    # well-known forms
    _group("eyj", r"(?<![\w-])(?P<s>eyJ[\w-]{8,3000}+(?:\.[\w-]{0,3000}+){1,4})"),
    _group(
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|xox|_live_|akia",
        r"(?<![\w-])(?P<s>(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk_live_|rk_live_|AKIA)[\w-]{16,255}+)",
    ),
)
PROSE = (
    _group(
        "парол|пин",
        r"(?i)(?:парол[а-яё]{1,3}|пин-?код[а-яё]{0,3})(?:[ \t]{1,4}[а-яё]{1,20}){0,3}[ \t:=—–-]{1,6}"
        r"(?P<s>(?=[^\s]{0,60}\d)[^\s,;]{1,64})",
    ),
    _group(
        "password|passcode|pin code",
        r"(?i)(?:password|passcode|pin code)(?:[ \t]{1,4}[a-z]{1,20}){0,3}[ \t:=-]{1,6}"
        r"(?P<s>(?=[^\s]{0,60}\d)[^\s,;]{1,64})",
    ),
    _group("—|–", *_named(_DASH)),
)
_PHONE = r"(?<![\w./-])(?P<s>(?:\+\d(?:[ ()-]{0,2}\d){9,14}|[78](?:[ ()-]{0,2}\d){10}))(?![\w-]|\.\d)"

PHONE = Pattern(PHONE_KIND, _PHONE)
ALL = STRUCTURED + PROSE
_ALL_WORDS = tuple((word, number) for number, group in enumerate(ALL) for word in group.words)
_STRUCTURED_WORDS = tuple(pair for pair in _ALL_WORDS if pair[1] < len(STRUCTURED))
SECRET_FIELD = Pattern(SECRET, rf"(?i){_NAME}|cookie")
_ALIKE = Pattern(SECRET, r"(?i)pass|credential|парол")
_DOTLESS = {0x130: "i", 0x131: "i"}  # for `re` they are an i, for `casefold` they are none


def folded(text: str) -> str:
    """Return a text in which a word stands in lower case wherever a pattern would find it in any case."""
    return text.lower() if text.isascii() else text.translate(_DOTLESS).casefold()


def is_secret_name(name: str) -> bool:
    """Return whether what is called so is a secret, whatever its value."""
    return bool(SECRET_FIELD.regex.search(name))


def may_be_secret_name(name: str) -> bool:
    """Return whether what is called so is a secret, or may be one: for what is not to be touched."""
    return is_secret_name(name) or bool(_ALIKE.regex.search(name))


def found(pattern: Pattern, text: str) -> Iterator[Span]:
    """Yield what a pattern finds. The search goes on inside of what was found: `token: password: x`."""
    search, at = pattern.regex.search, 0
    while match := search(text, at):
        start, end = match.span("s")
        yield Span(start, end, pattern.kind)
        at = max(start, match.start() + 1)


def secrets_in(text: str, *, prose: bool) -> list[Span]:
    """Return what looks like a secret, in no order; with `prose`, also as people write it."""
    plain = folded(text)
    groups, words = (ALL, _ALL_WORDS) if prose else (STRUCTURED, _STRUCTURED_WORDS)
    fitting = {number for word, number in words if word in plain}
    return [span for number in fitting for each in groups[number].patterns for span in found(each, text)]


def hidden(text: str, spans: Iterable[Span]) -> str:
    """Return a text with HIDDEN in the place of each piece; what overlaps or touches is one piece."""
    out, at = [], 0
    for number, (start, end, _) in enumerate(sorted(spans)):
        if start > at or not number:
            out += [text[at:start], HIDDEN]
        at = max(at, end)
    return "".join([*out, text[at:]])
