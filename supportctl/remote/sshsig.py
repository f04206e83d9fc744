"""SSH signatures over a file's exact bytes, as `ssh-keygen -Y sign` makes them (OpenSSH, PROTOCOL.sshsig).

Read strictly: one way to write each signature, so that no byte of it can change unnoticed. Ed25519, ECDSA and
RSA from 2048 bits; nothing with SHA-1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC = b"SSHSIG"
VERSION = 1
MAX_SIGNATURE = 16 * 1024  # characters
HASHES = ("sha512", "sha256")
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70  # as ssh-keygen breaks its lines
_MAX_WIDTH = 76
_RSA_BITS = 2048
_ED25519 = "ssh-ed25519"
_CURVES = {"ecdsa-sha2-nistp256": 256, "ecdsa-sha2-nistp384": 384, "ecdsa-sha2-nistp521": 512}  # -> SHA-2
_RSA = {"rsa-sha2-512": 512, "rsa-sha2-256": 256}
UNREADABLE, FOREIGN, WRONG = "signing.unreadable", "signing.algorithm", "signing.mismatch"


class SigningError(SupportctlError):
    """A signature that is none, or none for us: `signing.*`."""


class Signature(NamedTuple):
    """What a signature says of itself. Nothing of it is known to be true before `check`."""

    key: bytes  # the public key, as SSH sends it
    namespace: str
    hash_name: str
    format: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key, as OpenSSH writes it."""
        return fingerprint(self.key)


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a key's bytes."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def read_signature(text: str) -> Signature:
    """Return what an armoured signature says.

    Raises:
        SigningError: `signing.unreadable`, `signing.algorithm`.
    """
    reader = _Reader(_unarmoured(text))
    if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
        raise SigningError(UNREADABLE, reason="SSHSIG 1")
    key, namespace, reserved = reader.string(), reader.text(), reader.string()
    hash_name, signature = reader.text(), _Reader(reader.string())
    form, blob = signature.text(), signature.string()
    reader.end()
    signature.end()
    if reserved or not namespace:
        raise SigningError(UNREADABLE, reason="namespace")
    if hash_name not in HASHES:
        raise SigningError(FOREIGN, found=hash_name)
    return Signature(key, namespace, hash_name, form, blob)


def check(signature: Signature, data: bytes) -> None:
    """Return if the key of `signature` has signed these bytes.

    Raises:
        SigningError: `signing.mismatch`; `signing.algorithm`: a kind of key that we do not take.
    """
    from cryptography.exceptions import InvalidSignature

    told = _signed(signature.namespace, signature.hash_name, data)
    verify = _verifier(signature)
    try:
        verify(signature.blob, told)
    except InvalidSignature:
        raise SigningError(WRONG, found=signature.fingerprint) from None


def sign(data: bytes, namespace: str, key: bytes, signed: Callable[[bytes], bytes]) -> str:
    """Return an armoured signature.

    `signed(bytes)` signs for the public `key`; it returns format and blob, as SSH sends them.
    """
    told = _signed(namespace, HASHES[0], data)
    parts = (key, namespace.encode(), b"", HASHES[0].encode(), signed(told))
    blob = MAGIC + VERSION.to_bytes(4, "big") + b"".join(map(packed, parts))
    return _armoured(blob, _WIDTH)


def signer_of(private: Any) -> tuple[bytes, Callable[[bytes], bytes]]:  # noqa: ANN401  one of cryptography's keys
    """Return the public key of a private one, as SSH sends it, and what signs with it.

    Raises:
        SigningError: `signing.algorithm`.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA512
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    kind, key = line.split()[0].decode(), base64.b64decode(line.split()[1])
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return key, lambda told: packed(kind.encode()) + packed(private.sign(told))
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _RSA_BITS:
        return (
            key,
            lambda told: packed(b"rsa-sha2-512") + packed(private.sign(told, padding.PKCS1v15(), SHA512())),
        )
    if isinstance(private, ec.EllipticCurvePrivateKey) and kind in _CURVES:

        def both(told: bytes) -> bytes:
            numbers = decode_dss_signature(private.sign(told, ec.ECDSA(_sha(_CURVES[kind]))))
            return packed(kind.encode()) + packed(b"".join(packed(_mpint(number)) for number in numbers))

        return key, both
    raise SigningError(FOREIGN, found=kind)


def packed(data: bytes) -> bytes:
    """Return a string as SSH sends it."""
    return len(data).to_bytes(4, "big") + data


def _signed(namespace: str, hash_name: str, data: bytes) -> bytes:
    digest = hashlib.new(hash_name, data).digest()
    return MAGIC + b"".join(map(packed, (namespace.encode(), b"", hash_name.encode(), digest)))


def _verifier(signature: Signature) -> Callable[[bytes, bytes], None]:
    """Return what raises InvalidSignature unless the blob fits the data."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    kind, form = _Reader(signature.key).text(), signature.format
    if kind not in {_ED25519, "ssh-rsa", *_CURVES}:
        raise SigningError(FOREIGN, found=kind)
    try:
        key = load_ssh_public_key(kind.encode() + b" " + base64.b64encode(signature.key))
    except (ValueError, UnsupportedAlgorithm):
        raise SigningError(UNREADABLE, reason=kind) from None
    if isinstance(key, ed25519.Ed25519PublicKey) and form == _ED25519:
        return key.verify
    if isinstance(key, rsa.RSAPublicKey) and form in _RSA and key.key_size >= _RSA_BITS:
        return lambda blob, told: key.verify(blob, told, padding.PKCS1v15(), _sha(_RSA[form]))
    if isinstance(key, ec.EllipticCurvePublicKey) and form == kind:

        def both(blob: bytes, told: bytes) -> None:
            reader = _Reader(blob)
            numbers = [reader.string(), reader.string()]
            reader.end()
            r, s = (int.from_bytes(number, "big") for number in numbers)
            if numbers != [_mpint(r), _mpint(s)]:  # one way to write a number
                raise InvalidSignature
            key.verify(encode_dss_signature(r, s), told, ec.ECDSA(_sha(_CURVES[kind])))

        return both
    raise SigningError(FOREIGN, found=f"{kind}, {form}")


def _sha(bits: int) -> Any:  # noqa: ANN401  one of cryptography's hashes
    from cryptography.hazmat.primitives import hashes

    known: dict[int, Any] = {256: hashes.SHA256, 384: hashes.SHA384, 512: hashes.SHA512}
    return known[bits]()


def _mpint(number: int) -> bytes:
    """Return a number that is not negative as SSH writes it: a first bit of one would make it so."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b""


def _armoured(blob: bytes, width: int) -> str:
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def _unarmoured(text: str) -> bytes:
    """Return the bytes in the armour, which must be the armour that these bytes have."""
    if len(text) > MAX_SIGNATURE:
        raise SigningError(UNREADABLE, reason=f"{len(text)} > {MAX_SIGNATURE}")
    lines = text.split("\n")
    if len(lines) < 4 or lines[0] != _BEGIN or lines[-2:] != [_END, ""]:
        raise SigningError(UNREADABLE, reason=_BEGIN)
    try:
        blob = base64.b64decode("".join(lines[1:-2]), validate=True)
    except (binascii.Error, ValueError):
        raise SigningError(UNREADABLE, reason="base64") from None
    if not 0 < len(lines[1]) <= _MAX_WIDTH or _armoured(blob, len(lines[1])) != text:
        raise SigningError(UNREADABLE, reason="base64")
    return blob


class _Reader:
    """Takes values as SSH sends them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise SigningError(UNREADABLE, reason="cut")
        self._at += size
        return part

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError:
            raise SigningError(UNREADABLE, reason="ascii") from None

    def end(self) -> None:
        if self._at != len(self._data):
            raise SigningError(UNREADABLE, reason="more")
