"""The pairing code: what the customer reads out, and what both sides prove with it. Pure.

Twenty characters in five groups, without I, L, O and U: five bits that say at which port of the bastion, a
secret of 30 bits, 55 bits of a hash over that secret and the customer's host key, and two characters by which
each slip of the tongue is noticed (a wrong character, two neighbours swapped).

Who knows the code can tell the customer's key from any other; who does not know it cannot make the proof that
the customer's side asks for, and has a handful of tries.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from supportctl.core.errors import UsageError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
GROUP = 4
LENGTH = 20
MAX_SLOTS = 32
_SECRET_BITS, _MARK_BITS = 30, 55
_CHECK = 1021  # the largest prime below 32 * 32: any one wrong character changes the remainder
# what people type for a character: letters that look alike, Russian ones among them
_SAME = str.maketrans("OILАВЕКМНРСТХОУ", "011ABEKMHPCTX0Y")
_SCRYPT = {"n": 4096, "r": 8, "p": 1, "dklen": 32}  # 10 ms: dear for who tries keys
_CONTEXT = b"supportctl pairing 1"


class Pairing(NamedTuple):
    """What a code says. `slot` is the number of the port in the company's list."""

    slot: int
    secret: int
    mark: int

    @property
    def text(self) -> str:
        """The code as it is read out: ABCD-EFGH-JKMN-PQRS-TVWX."""
        number = (self.slot << _SECRET_BITS | self.secret) << _MARK_BITS | self.mark
        letters = _letters(number, LENGTH - 2) + _letters(number % _CHECK, 2)
        return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))

    def fits(self, host_key: bytes) -> bool:
        """Whether this is the key of the customer who read out the code."""
        return hmac.compare_digest(str(self.mark), str(_mark(self.slot, self.secret, host_key)))


def new_pairing(slot: int, host_key: bytes) -> Pairing:
    """Return a new code for a host key: its bytes as SSH sends them."""
    if not 0 <= slot < MAX_SLOTS:
        raise ValueError(slot)
    secret = secrets.randbits(_SECRET_BITS)
    return Pairing(slot, secret, _mark(slot, secret, host_key))


def read_pairing(text: str) -> Pairing:
    """Return what a code says, however it was typed: small letters, spaces, O for 0.

    Raises:
        UsageError: `share.code-letters`, `share.code-length` or `share.code-slip`.
    """
    plain = "".join(text.upper().split()).replace("-", "").translate(_SAME)
    for letter in plain:
        if letter not in ALPHABET:
            raise UsageError("share.code-letters", found=letter)
    if len(plain) != LENGTH:
        raise UsageError("share.code-length", expected=LENGTH, found=len(plain))
    number = _number(plain[:-2])
    if number % _CHECK != _number(plain[-2:]):
        raise UsageError("share.code-slip")
    mark = number & ((1 << _MARK_BITS) - 1)
    secret = (number >> _MARK_BITS) & ((1 << _SECRET_BITS) - 1)
    return Pairing(number >> (_MARK_BITS + _SECRET_BITS), secret, mark)


def proof(pairing: Pairing, exchange: bytes, host_key: bytes, staff_key: bytes, line: str) -> str:
    """Return what shows that the supporter knows the code, on this connection, with this key, and no other.

    `exchange` is the SSH session's own hash: what is relayed to another connection proves nothing there.
    """
    parts = (exchange, host_key, staff_key, line.encode())
    told = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(_CONTEXT + pairing.text.encode(), told, hashlib.sha256).hexdigest()


def _mark(slot: int, secret: int, host_key: bytes) -> int:
    salt = _CONTEXT + bytes([slot]) + hashlib.sha256(host_key).digest()
    key = hashlib.scrypt(secret.to_bytes(4, "big"), salt=salt, **_SCRYPT)
    return int.from_bytes(key, "big") >> (8 * len(key) - _MARK_BITS)


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(count)))


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number << 5 | ALPHABET.index(letter)
    return number
