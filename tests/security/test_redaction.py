"""Redaction: nothing that is known leaves, whatever stands around it; nor does what looks like a secret."""

from __future__ import annotations

import base64
import json
import string
import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from supportctl.core import redaction
from supportctl.core.redaction import redact
from supportctl.core.redactor import Policy, Redactor, Tokens
from supportctl.core.scrubbing import forms_of, scrubbed_text
from supportctl.core.secret_patterns import REACH


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


# what is a secret by its form: nobody writes it
FORMS = [
    ("password=hunter2", "hunter2"),
    ("DB_PASSWORD_PROD: hunter2", "hunter2"),
    ('"password": "a b c d"', "b c"),
    ('"password":\n  "hunter2"', "hunter2"),
    ("'passwd' => 'x y z'", "y z"),
    ('{"token": "a\\"bcd"}', "bcd"),
    ('{\\"api_key\\": \\"q1w2e3\\"}', "q1w2e3"),
    ("token: password: hunter2", "hunter2"),
    ("token=\npassword=hunter2", "hunter2"),
    ("token==hunter2", "hunter2"),
    ("dbpass=hunter2", "hunter2"),
    ("UserPwd: hunter2", "hunter2"),
    ('?password=ab"hunter2&x=1', "hunter2"),
    ("pin=ab<hunter2", "hunter2"),
    ("password=***hunter2", "hunter2"),
    ("password: `hunter2`", "hunter2"),
    ("secret=PASSWORD-hunter2", "hunter2"),
    ("tool --password hunter2 --verbose", "hunter2"),
    ("tool --db-password='a b c'", "b c"),
    ("tool --token=hunter2", "hunter2"),
    ("<Password>hunter2</Password>", "hunter2"),
    ('<ns:apiKey type="x">hunter2</ns:apiKey>', "hunter2"),
    ("Authorization: Bearer abc.DEF-123_xyz", "DEF"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNl"),
    ("proxy-authorization=Digest hunter2", "hunter2"),
    ("sent bearer abcdefgh1234", "abcdefgh"),
    ("Cookie: sid=hunter2; theme=dark", "hunter2"),
    ("Set-Cookie: PHPSESSID=hunter2; path=/", "hunter2"),
    ("Пароль: кот", "кот"),
    ("пароль: «кот и пёс»", "пёс"),
    ("postgresql://user:hunter2@db/x", "hunter2"),
    ("postgresql://user:a@hunter2@db/x", "hunter2"),
    ("https://p.bitrix24.ru/rest/1/abcdefgh1234/crm.lead.add", "abcdefgh"),
    ("https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/x", "AAHdq"),
    ("id 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", "AAHdq"),
    ("https://hooks.slack.com/services/T000/B000/XXXXYYYY", "XXXX"),
    ("https://discord.com/api/webhooks/1234567/abcdefghij", "abcdef"),
    ("https://shop.webhook.office.com/webhookb2/abcdef", "abcdef"),
    ("https://crm.example/webhook/abcdef0123456789", "abcdef"),
    ("GET /x?a=1&access_token=hunter2&b=2", "hunter2"),
    ("zvt+tcp://h?key=hunter2", "hunter2"),
    ("id eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-def", "eyJ"),
    ("ghp_0123456789abcdef0123456789abcdef0123", "0123456789"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\nQyNTUx\n-----END OPENSSH PRIVATE KEY-----", "QyNT"),
    ('"key": "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\nabcd"', "abcd"),
]
# what people write; our own advice reads the same
PROSE = [
    ("Пароль оператора 30", "30"),
    ("пароль администратора — 4521", "4521"),
    ("Пароль — кот", "кот"),
    ("пароль — «кот и пёс»", "пёс"),
    ("мой пин-код 0000", "0000"),
    ("operator password is 30", "30"),
]
PERSONAL = [
    ("card 4111 1111 1111 1111 exp 12/29", "1111 1111"),
    ("4111-1111-1111-1111", "1111"),
    ("pan:5500005555555559", "5555"),
    ("карта4111111111111111,", "4111"),
    ("звонил +7 (916) 123-45-67", "123"),
    ("8 916 123 45 67", "123"),
    ("Кассир: Иванова Мария Петровна", "Мария"),
    ("принял Сидоров А. Б.", "Сидоров"),
    ("a.b+c@shop.example.ru", "shop"),
]
LEAKS = FORMS + PROSE + PERSONAL
KEPT = [
    "ФН 4111111111111111",
    "ФН: № 4111111111111111",
    '"fn_serial": "4111111111111111"',
    "РНМ 5500005555555559",
    "ЗН ККТ: 4111111111111111",
    "ИНН 7707083893",
    "token: secret://env/UIS_TOKEN",
    "spinning compass, 3 passed",
    "compass=north, bypass: on, spin=3",
    "2026-11-22T10:00:00.123456 printer answered 12 in 0.002 s",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "0000000000000000",
    "192.168.1.50:9100 /dev/ttyUSB0",
]


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_what_looks_like_a_secret_is_taken_out_and_can_be_put_back(text, secret):
    redactor = Redactor()
    shown = redactor.text(text)
    assert secret not in shown
    assert redactor.tokens.restored(shown) == text
    assert redactor.suspects(shown) == []


@pytest.mark.parametrize("text", KEPT)
def test_what_support_needs_stays(text):
    assert Redactor().text(text) == text


@pytest.mark.parametrize(("text", "secret"), FORMS)
@pytest.mark.parametrize("hide", [redact, scrubbed_text, lambda text: scrubbed_text(text, prose=False)])
def test_a_report_a_log_and_a_journal_hide_what_a_bundle_hides(hide, text, secret):
    shown = hide(f"{text} and more")
    assert secret not in shown
    assert "***" in shown
    assert hide(shown) == shown


@pytest.mark.parametrize(("text", "secret"), PROSE)
def test_what_people_write_goes_from_what_they_typed_and_stays_in_our_own_words(text, secret):
    assert secret not in redact(text, prose=True)
    assert secret not in scrubbed_text(text)
    assert redact(text) == scrubbed_text(text, prose=False) == text


@pytest.mark.parametrize("text", KEPT)
def test_what_support_needs_stays_in_reports_and_journals(text):
    assert redact(text, prose=True) == text
    assert scrubbed_text(text) == text


# what portals answer when they let nobody in, after the name of the error as it is shown everywhere
REFUSALS = [
    "expired_token: The access token provided has expired.",  # Bitrix24
    "INVALID_CREDENTIALS: Invalid request credentials",
    "INVALID_TOKEN: Unable to get application by token",
    "NO_AUTH_FOUND: Wrong authorization data",
    "AUTHORIZATION_ERROR: Unable to authorize user",
    "insufficient_scope: The request requires higher privileges than provided by the access token",
    "invalid_token: The access token is invalid",  # amoCRM and other OAuth servers
    "http-401: 401 Unauthorized",
    "EXPIRED_AUTHENTICATION: The OAuth token used to make this call expired 5 minute(s) ago.",  # HubSpot
    "INVALID_AUTHENTICATION: Authentication credentials not found.",
    "1056: Ошибка аутентификации: Неправильный пароль или имя пользователя",  # MoySklad
    "1056: Wrong credentials",
    "access_token_expired: Access token has been expired",  # UIS
    "access_token_blocked: Access token has been blocked",
    "access_token_invalid: Access token is invalid",
    "auth_error: Login or password is wrong",
    "http-401: Invalid Auth-key",  # Ringostat
    "3102: wrong sign, 3105: Invalid API key",  # Mango
    "bad-token: Bad access token",  # Poster
    "expired-token: access_token expired",
    "токен: Срок действия токена истёк",
    "пароль: Неверный пароль",
]
# beside them, what only looks alike
ALIKE = [
    ("expired_token: hunter2", "hunter2"),
    ("invalid_token: The-hunter2", "The-hunter2"),
    ("token: The token: hunter2", "hunter2"),
    ("password=The token is hunter2", "=The"),
    ('{"password": "The token is"}', "The token"),
    ("password: token", "token"),
    ("password: login 22", ": login"),
    ("password: Wrong horse battery", "Wrong"),
    ("token: bad abcdef", "bad"),
    ("tool --token The token is", "n The"),
    ("Authorization: Invalid token", "Invalid"),
]


@pytest.mark.parametrize("text", REFUSALS)
def test_what_a_portal_says_of_a_refusal_can_be_read(text):
    assert redact(text) == redact(text, prose=True) == scrubbed_text(text) == text
    assert Redactor().text(text) == text


@pytest.mark.parametrize(("text", "secret"), ALIKE)
def test_what_only_begins_like_a_refusal_is_hidden(text, secret):
    assert secret not in redact(text)


fragments = st.lists(
    st.sampled_from([*(text for text, _ in LEAKS + ALIKE), *KEPT, *REFUSALS])
    | st.sampled_from(
        [*"=:—<>\"'`«» \n&,;@", "***", "secret://env/A", "пароль", "token", "--pin", "key=", "FILE"]
    )
    | st.text(max_size=8),
    max_size=8,
).map("".join)


@given(fragments, st.booleans())
def test_once_hidden_it_stays_as_it_is(text, prose):
    shown = redact(text, prose=prose)
    assert redact(shown, prose=prose) == shown


def test_a_fiscal_number_beside_a_card():
    shown = Redactor().text("ФН 4111111111111111 карта 4111111111111111")
    assert shown == "ФН 4111111111111111 карта [card-1]"


def test_a_field_with_a_telling_name_is_hidden_whatever_is_in_it():
    value = {"password": 1234, "пароль": "два слова", "x": [{"api_key": "a b"}], "cashier": "Анна", "n": 5}
    shown = Redactor().document(value)
    text = json.dumps(shown, ensure_ascii=False)
    for secret in ("1234", "два", "a b", "Анна"):
        assert secret not in text
    assert shown["n"] == 5


def test_policy_speaks_of_people_only():
    text = "+7 916 123-45-67, Сидоров А.Б., password=hunter2, 4111111111111111"
    kept = Redactor(Policy("keep", "keep")).text(text)
    assert kept == "+7 916 123-45-67, Сидоров А.Б., password=[secret-1], [card-1]"
    removed = Redactor(Policy("remove", "remove")).text(text)
    assert removed == "[phone-1], [name-1], password=[secret-1], [card-1]"
    assert Redactor().text(text).startswith("[phone-1:+7916…67], [name-1:С. А. Б.]")


def test_the_same_value_has_the_same_token_and_a_foreign_token_is_no_token_of_ours():
    redactor = Redactor()
    shown = redactor.text("password=aaa1 token=bbb2 password=aaa1 [secret-1]")
    assert shown == "password=[secret-1] token=[secret-2] password=[secret-1] [mark-1]"
    again = Redactor(tokens=Tokens(redactor.tokens.table()))
    assert again.text("pin: bbb2, pin: ccc3") == "pin: [secret-2], pin: [secret-3]"


def test_what_becomes_known_later_is_taken_out_of_what_was_redacted():
    redactor = Redactor()
    shown = redactor.text("password=x1 and Winter-2026")
    redaction.remember("Winter-2026")
    redaction.remember("secret")
    assert redactor.again(shown) == "password=[secret-1] and [secret-2]"


words = st.text(
    alphabet=string.ascii_letters + string.digits + "-_+/=!?:@ \"'\\<>&%цжЩé", min_size=5, max_size=24
)
around = st.text(max_size=60)
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(words, around, around, st.randoms(use_true_random=False))
def test_a_known_secret_never_stays_in_any_form(secret, before, after, chance):
    assume(secret.strip() == secret and secret not in "[secret-1] [name-1 [phone-1 [card-1 [mark-1")
    redaction._known.clear()
    redaction.remember(secret)
    form = chance.choice(sorted(forms_of(secret)))
    shown = Redactor().text(before + form + after)
    assert form not in shown
    assert secret not in shown


@many
@given(words, around, st.integers(0, 2))
def test_a_known_secret_inside_of_a_header_in_base64(secret, before, shift):
    redaction._known.clear()
    redaction.remember(secret)
    assume(len(secret.encode()) >= 8)
    coded = base64.b64encode(b"u" * (3 + shift) + secret.encode() + b"zz").decode()
    shown = Redactor().text(f"{before} x {coded}")
    assert coded not in shown


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 3 * REACH),
    st.lists(st.integers(1, 9000), min_size=1, max_size=6),
    st.sampled_from(["Winter-2026-Canary", "password='Winter 2026 Canary'", "4111 1111 1111 1111"]),
)
def test_where_a_piece_ends_cannot_split_a_secret(place, sizes, planted):
    redaction._known.clear()
    redaction.remember("Winter-2026-Canary")
    line = "10:00 printer ok ascii Ж\n"
    text = (line * (3 * REACH // len(line)))[:place] + f" {planted} " + line * (4 * REACH // len(line))
    pieces, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        pieces.append(text[at : at + size])
        at, turn = at + size, turn + 1
    redactor = Redactor()
    shown = "".join(redactor.pieces(pieces))
    assert "Canary" not in shown
    assert "1111" not in shown
    assert redactor.tokens.restored(shown) == text


HOSTILE = [
    "passwd",
    "token=",
    "password: '",
    "1 2 3 4 5 ",
    "eyJabcdefghi.",
    "a@b.",
    "--password",
    "<password",
    "-----BEGIN PRIVATE KEY-----",
    "[secret-1]",
    "парол а б ",
    '{\\"token\\": \\"',
    "://a:",
    "+7 9",
    "basic aaaa",
    "Cookie: ",
    "Иванова Мария ",
    "://:@:@",
    "pin=<",
    'pin=a"b',
    "password — ",
    "token=`",
    "token\n=",
    "?key=a<",
    "/hook/",
    "1234567890:",
    "token: The access ",
    "token: the ",
]


WAYS = {
    "redact": redact,
    "redact prose": lambda text: redact(text, prose=True),
    "scrubbed_text": scrubbed_text,
    "Redactor": lambda text: Redactor().text(text),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", HOSTILE)
def test_a_line_that_was_made_to_cost_much_costs_its_length(seed, way):
    """Eight times the text takes about eight times as long, not sixty-four: best of three, one process."""

    def cost(size):
        text = (seed * (size // len(seed) + 1))[:size]
        times = []
        for _ in range(3):
            begun = time.process_time()
            WAYS[way](text)
            times.append(time.process_time() - begun)
        return min(times)

    assert cost(32_000) <= 24 * max(cost(4_000), 0.0005)
