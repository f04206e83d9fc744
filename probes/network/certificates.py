"""What a certificate says, and what is wrong with it. Pure: the time, the name and the trust come in."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

EXPIRING_DAYS = 30


class Certificate(NamedTuple):
    """The parts that matter here. `issuer_words` are all names of the issuer, for telling interceptors."""

    subject: str
    issuer: str
    issuer_words: tuple[str, ...]
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    self_signed: bool


def read(der: bytes) -> Certificate | None:
    """Return the certificate in `der`, None if it cannot be understood."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def words(name: x509.Name) -> tuple[str, ...]:
        wanted = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
        return tuple(str(part.value) for oid in wanted for part in name.get_attributes_for_oid(oid))

    def alternative(found: x509.Certificate) -> tuple[str, ...]:
        try:
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ()
        addresses = tuple(str(address) for address in names.get_values_for_type(x509.IPAddress))
        return tuple(names.get_values_for_type(x509.DNSName)) + addresses

    try:
        found = x509.load_der_x509_certificate(der)
        issuer, subject = words(found.issuer), words(found.subject)
        names = alternative(found)
        first_name = (*subject[:1], *names[:1], "-")[0]
        return Certificate(
            first_name, (*issuer[:1], "-")[0], issuer, names,
            found.not_valid_before_utc, found.not_valid_after_utc, found.issuer == found.subject,
        )  # fmt: skip
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def covers(names: Sequence[str], asked: str) -> bool:
    """Return whether a certificate is for `asked` (RFC 9525): a `*` stands for the whole first label only."""
    wanted = _ascii(asked).rstrip(".").lower()
    try:
        address = str(ipaddress.ip_address(wanted))
    except ValueError:
        return any(_name_covers(name.rstrip(".").lower(), wanted) for name in names)
    return address in names


def _ascii(name: str) -> str:
    """A certificate holds a Russian name in its ASCII form (xn--...)."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _name_covers(name: str, wanted: str) -> bool:
    if name == wanted:
        return True
    first, _, rest = name.partition(".")
    label, _, parent = wanted.partition(".")
    return first == "*" and bool(label) and "." in rest and rest == parent


class Validity(NamedTuple):
    """`code` is the problem code, empty when the dates are fine; `days` are left until the end."""

    code: str
    days: int


def validity(certificate: Certificate, now: datetime) -> Validity:
    """Return what the dates of a certificate mean at `now`."""
    days = (certificate.not_after - now).days
    if now < certificate.not_before:
        return Validity("net.tls-not-yet-valid", days)
    if now > certificate.not_after:
        return Validity("net.tls-expired", days)
    return Validity("net.tls-expiring" if days < EXPIRING_DAYS else "", days)
