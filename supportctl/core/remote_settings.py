"""The section `remote` of `supportctl.yaml`: the company's bastion, its keys, and what sessions may last."""

from typing import Annotated

from pydantic import Field

from supportctl.core.accounts import Strict
from supportctl.core.fields import Duration, Secret

_Port = Annotated[int, Field(ge=1, le=65535)]
_User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Fingerprint = Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
PublicKey = Annotated[str, Field(pattern=r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+", max_length=4096)]


class BastionSettings(Strict):
    """The company's own OpenSSH server, where both sides of a session meet."""

    host: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,253}$", description="Name or address.")
    port: _Port = 22
    host_key: Fingerprint = Field(description="Its fingerprint, as `ssh-keygen -lf` shows it: SHA256:…")
    ports: tuple[_Port, ...] = Field(
        min_length=1, max_length=32, description="Ports for sessions, in the same order for all."
    )
    share_user: _User = Field(default="supportctl-share", description="User of the customers.")
    share_key: Secret | None = Field(default=None, description="Private key of the customers.")
    staff_user: _User = Field(default="supportctl-staff", description="User of the supporters.")


class RemoteSettings(Strict):
    """Sessions with another computer."""

    bastion: BastionSettings | None = None
    company_keys: tuple[PublicKey, ...] = Field(
        default=(), description="Public keys that sign the supporters' keys (`ssh-keygen -s`)."
    )
    revoked_keys: tuple[Fingerprint, ...] = Field(
        default=(), description="Fingerprints of supporters' keys that were signed and are good no more."
    )
    key: str | None = Field(
        default=None, description="File of the supporter's key; its certificate beside it: NAME-cert.pub."
    )
    longest: Duration = Field(default=7200.0, description="A session ends after this long.")
    read_only: bool = Field(default=False, description="Sessions of this shop can never change anything.")
