"""The accounts that a configuration names: telephony, CRM, trackers; one model for each kind."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from supportctl.core.fields import Rate, Secret, WebAddress


class Strict(BaseModel):
    """A part of the configuration: a key that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Account(Strict):
    url: WebAddress | None = Field(default=None, description="Base address, where it is not the public one.")


class Uis(_Account):
    """UIS, CoMagic, Novofon, CallGear: the Data API."""

    kind: Literal["uis"]
    token: Secret = Field(description="Key of the Data API.")


class Ringostat(_Account):
    """Ringostat."""

    kind: Literal["ringostat"]
    token: Secret = Field(description="Auth-key of the project.")
    project: str | None = Field(default=None, description="Identifier of the project.")


class Mango(_Account):
    """Mango Office, the virtual exchange's API."""

    kind: Literal["mango"]
    key: Secret = Field(description="Unique code of the exchange (vpbx_api_key).")
    salt: Secret = Field(description="Key that signs requests (vpbx_api_salt).")


class Asterisk(_Account):
    """Asterisk: call detail records in a file or in a database."""

    kind: Literal["asterisk"]
    file: str | None = Field(default=None, description="Path of Master.csv.")
    database: Secret | None = Field(default=None, description="Address of the database of calls.")
    recordings: str | None = Field(default=None, description="Folder or base address of the recordings.")


class Csv(_Account):
    """A CSV or JSON Lines file of calls."""

    kind: Literal["csv"]
    file: str = Field(description="Path of the file.")


Telephony = Annotated[Uis | Ringostat | Mango | Asterisk | Csv, Field(discriminator="kind")]


class _Destination(_Account):
    fallback_employee: int | str | None = Field(
        default=None,
        union_mode="left_to_right",
        description="Who gets a call whose employee the CRM does not know.",
    )
    rate: Rate | None = Field(default=None, description="At most this many requests.")


class Bitrix24(_Destination):
    """A Bitrix24 portal: an incoming webhook, or the portal with an application's token."""

    kind: Literal["bitrix24"]
    url: WebAddress = Field(description="Incoming webhook https://PORTAL/rest/USER/CODE/, or the portal.")
    token: Secret | None = Field(default=None, description="Token of an application: `url` is the portal.")


class AmoCrm(_Destination):
    """An amoCRM (Kommo) account."""

    kind: Literal["amocrm"]
    url: WebAddress = Field(description="The account, https://NAME.amocrm.ru.")
    token: Secret = Field(description="Long-lived token.")


class MoySklad(_Destination):
    """A MoySklad account."""

    kind: Literal["moysklad"]
    token: Secret = Field(description="Key of the Phone API (Lognex-Phone-Auth-Token).")
    api_token: Secret | None = Field(
        default=None, description="Access token of the JSON API: names of employees, who is dismissed."
    )


class HubSpot(_Destination):
    """A HubSpot account."""

    kind: Literal["hubspot"]
    token: Secret = Field(description="Token of a private app.")


class Webhook(_Destination):
    """Any address that takes a call as JSON."""

    kind: Literal["webhook"]
    url: WebAddress = Field(description="Where calls are posted.")
    secret: Secret | None = Field(default=None, description="Key that signs the body.")


Crm = Annotated[Bitrix24 | AmoCrm | MoySklad | HubSpot | Webhook, Field(discriminator="kind")]


class Redmine(_Account):
    """Redmine."""

    kind: Literal["redmine"]
    url: WebAddress
    key: Secret
    project: str


class Jira(_Account):
    """Jira."""

    kind: Literal["jira"]
    url: WebAddress
    token: Secret
    user: str | None = Field(default=None, description="E-mail of the account that the token belongs to.")
    project: str


class GitHub(_Account):
    """GitHub issues."""

    kind: Literal["github"]
    token: Secret
    project: str = Field(description="OWNER/NAME.")


class GitLab(_Account):
    """GitLab issues."""

    kind: Literal["gitlab"]
    token: Secret
    project: str = Field(description="GROUP/NAME, or the number.")


Tracker = Annotated[Redmine | Jira | GitHub | GitLab, Field(discriminator="kind")]
