"""The section `signing` of `supportctl.yaml`: whose playbooks may run over a session."""

from typing import Annotated

from pydantic import Field

from supportctl.core.accounts import Strict
from supportctl.core.remote_settings import Fingerprint

_Line = Annotated[str, Field(max_length=16_384)]


class SigningSettings(Strict):
    """Whose signature under a playbook counts here."""

    allowed_signers: str | None = Field(
        default=None, description="File in the format of OpenSSH's allowed_signers: `NAMES [OPTIONS] KEY`."
    )
    signers: tuple[_Line, ...] = Field(
        default=(), description="The same lines, in place; they count beside those of the file."
    )
    revoked_keys: tuple[Fingerprint, ...] = Field(
        default=(), description="Fingerprints of keys that are good no more, wherever they are named."
    )
    signatures: str | None = Field(
        default=None,
        description="Folder of signatures (NAME.yaml.sig) that do not lie beside their playbook.",
    )
