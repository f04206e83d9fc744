"""What `share`, `connect` and `--on code:…` go by: the configuration, a file beside the tool, options."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.app.config_file import find_config, first_error, load_config, read_config
from supportctl.core.errors import UsageError
from supportctl.core.secrets import is_reference, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.app.share import SharePlan
    from supportctl.core.clock import Clock
    from supportctl.core.remote_settings import BastionSettings, RemoteSettings
    from supportctl.core.site import SiteConfig
    from supportctl.remote.reverse.bastion import Bastion
    from supportctl.remote.reverse.session import ReverseSession

BESIDE = "supportctl-share.yaml"  # what a company hands to its customers together with the tool


class Given(NamedTuple):
    """What the options of `share` say; they go before the file."""

    ticket: str
    read_only: bool = False
    bastion: str | None = None
    bastion_key: str | None = None
    ports: str | None = None
    key: str | None = None
    company_key: str | None = None


def find_share_file(path: Path | None) -> Path | None:
    """Return the file with the section `remote`: the configuration, else the one beside the tool."""
    found = find_config(path)
    if found is not None:
        return found
    folders = (Path.cwd(), Path(sys.argv[0]).resolve().parent, Path(sys.executable).resolve().parent)
    return next((folder / BESIDE for folder in folders if (folder / BESIDE).is_file()), None)


def share_plan(given: Given, path: Path | None) -> tuple[SharePlan, SiteConfig | None]:
    """Return what a sharing goes by, and the configuration of this shop if there is one.

    Raises:
        UsageError: something that it needs is missing, or wrong.
    """
    from supportctl.app.share import SharePlan
    from supportctl.remote.reverse.bastion import load_key
    from supportctl.remote.reverse.tunnel import Account

    ticket = given.ticket.strip()
    if not ticket or len(ticket) > 64 or not ticket.isprintable():
        raise UsageError("share.ticket", found=given.ticket)
    config = _config(path)
    settings = _settings(config, given)
    bastion = settings.bastion
    if bastion is None or (given.key is None and bastion.share_key is None):
        raise UsageError("share.no-bastion", file=BESIDE)
    if not settings.company_keys:
        raise UsageError("share.no-company-key", file=BESIDE)
    place = given.key or bastion.share_key or ""
    key = load_key(resolve(place) if is_reference(place) else place)
    plan = SharePlan(
        bastion=_bastion(bastion),
        account=Account(bastion.share_user, key),
        company_keys=settings.company_keys,
        revoked=frozenset(settings.revoked_keys),
        ticket=ticket,
        read_only=given.read_only or settings.read_only,
        longest_s=settings.longest,
    )
    return plan, config


def code_session(
    code: str,
    path: Path | None,
    clock: Clock,
    *,
    key: str | None = None,
    lead: bool = False,
    ask_passphrase: Callable[[str], str] | None = None,
) -> ReverseSession:
    """Return a session, not open yet, with the customer who read out `code`.

    With `lead` the sharing ends when this session is closed on purpose; commands beside it leave it open.

    Raises:
        UsageError: the code is wrong, there is no bastion or no key in the configuration.
    """
    from supportctl.remote.reverse.bastion import load_key
    from supportctl.remote.reverse.desk import Supporter, line_name, open_reverse
    from supportctl.remote.reverse.pairing import read_pairing
    from supportctl.remote.reverse.session import ReverseSession

    pairing = read_pairing(code)
    config = _config(path)
    settings = config.remote if config else None
    if settings is None or settings.bastion is None:
        raise UsageError("share.no-desk")
    place = key or settings.key
    if place is None:
        raise UsageError("share.no-key")
    supporter = Supporter(settings.bastion.staff_user, load_key(place, ask_passphrase, certificate=True))
    bastion, name = _bastion(settings.bastion), line_name(lead=lead)
    chance = secrets.SystemRandom().random
    return ReverseSession(
        lambda: open_reverse(pairing, bastion, supporter, clock, name), clock, chance, secrets.token_hex(8)
    )


def _config(path: Path | None) -> SiteConfig | None:
    found = find_share_file(path)
    if found is None:
        return None
    if found.name != BESIDE:
        return load_config(found)
    configuration = read_config(found)
    if configuration.config is None:
        raise first_error(configuration)
    return configuration.config


def _bastion(settings: BastionSettings) -> Bastion:
    from supportctl.remote.reverse.bastion import Bastion

    return Bastion(settings.host, settings.port, settings.host_key, settings.ports)


def _settings(config: SiteConfig | None, given: Given) -> RemoteSettings:
    """Return the section `remote` with the options put over it, checked as if it stood in the file."""
    from pydantic import ValidationError

    from supportctl.core.remote_settings import RemoteSettings

    settings = config.remote if config else RemoteSettings()
    bastion = settings.bastion.model_dump(exclude_none=True) if settings.bastion else {}
    if given.bastion:
        host, colon, port = given.bastion.rpartition(":")
        bastion |= {"host": host if colon else given.bastion, "port": port if colon else 22}
    if given.bastion_key:
        bastion["host_key"] = given.bastion_key
    if given.ports:
        bastion["ports"] = read_ports(given.ports)
    values: dict[str, object] = {**settings.model_dump(exclude={"bastion"}), "bastion": bastion or None}
    if given.company_key:
        values["company_keys"] = (_public(given.company_key),)
    try:
        return RemoteSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError("share.bad-setting", name=place, found=first.get("input", "-")) from None


def read_ports(text: str) -> tuple[int, ...]:
    """Return the ports of "42300-42309" or "42300,42310", in this order.

    Raises:
        UsageError: `share.bad-ports`.
    """
    ports: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        try:
            low, high = int(first), int(last or first)
        except ValueError:
            raise UsageError("share.bad-ports", found=text) from None
        if not 0 < low <= high < 65536 or high - low >= 32:
            raise UsageError("share.bad-ports", found=text)
        ports += range(low, high + 1)
    if len(ports) > 32 or len(set(ports)) != len(ports):
        raise UsageError("share.bad-ports", found=text)
    return tuple(ports)


def _public(place: str) -> str:
    try:
        return Path(place).expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise UsageError("share.key-file", found=place, reason=error) from None
