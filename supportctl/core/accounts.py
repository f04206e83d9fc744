"""The accounts that a configuration names: telephony, CRM, trackers; one model for each kind."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from supportctl.core.fields import Duration, Pattern, Rate, Secret, Timezone, WebAddress


class Strict(BaseModel):
    """A part of the configuration: a key that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Account(Strict):
    url: WebAddress | None = Field(default=None, description="Base address, where it is not the public one.")


class Uis(_Account):
    """UIS, CoMagic, Novofon, CallGear: the Data API."""

    kind: Literal["uis"]
    token: Secret = Field(description="Key of the Data API.")
    recordings: WebAddress | None = Field(
        default=None, description="Base address of recordings, where it is not the public one."
    )
    keep_points: float = Field(
        default=0.2, ge=0, lt=1, description="Share of the day's points that is left to other programs."
    )
    notifications_report: int | None = Field(
        default=None, description="Id of the report of sent notifications, where it is not found by itself."
    )


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
    recording_links: bool = Field(
        default=False, description="Recordings as signed links, which the account must allow."
    )


class Asterisk(_Account):
    """Asterisk: call detail records in a file or in a database."""

    kind: Literal["asterisk"]
    file: str | None = Field(
        default=None, description="Path of Master.csv; `Master.csv*` reads old ones, too."
    )
    database: Secret | None = Field(
        default=None,
        description="Address of the database of calls: mysql://USER:PASSWORD@HOST/asteriskcdrdb.",
    )
    table: str = Field(default="cdr", description="Table of the calls, or SCHEMA.TABLE.")
    columns: tuple[str, ...] | None = Field(
        default=None, description="Names of the columns of `file` in their order, if they are not the usual."
    )
    timezone: Timezone | None = Field(
        default=None, description="Zone of the exchange's clock, where it is not `site.timezone`."
    )
    utc: bool = Field(default=False, description="The records are in UTC (`usegmtime=yes` in cdr.conf).")
    extensions: Pattern = Field(
        default=r"\d{2,5}",
        description="Regular expression of the inner numbers; a group is the number itself.",
    )
    trunks: tuple[str, ...] = Field(
        default=(),
        description="Names of the lines to the outside, as in PJSIP/NAME; `*` stands for anything.",
    )
    inbound: tuple[str, ...] = Field(
        default=("from-trunk*", "from-pstn*", "from-did*", "ext-did*", "incoming*", "inbound*"),
        description="Contexts in which calls from outside begin.",
    )
    outbound: tuple[str, ...] = Field(
        default=("outgoing*", "outbound*", "outrt-*", "macro-dialout-trunk*"),
        description="Contexts in which calls to the outside begin.",
    )
    outside_prefix: str = Field(
        default="",
        pattern=r"^\d{0,4}$",
        description="Digits that are dialled first for a line to the outside.",
    )
    recordings: str | None = Field(
        default=None,
        description="Folder or base address of the recordings; may hold {year} {month} {day} {file}.",
    )
    quiet: Duration = Field(default=86400.0, description="This long without a call is a warning.")

    @model_validator(mode="after")
    def _one_place(self) -> "Asterisk":
        if (self.file is None) == (self.database is None):
            raise PydanticCustomError("config.file-or-database", "place", {})
        return self


class Csv(_Account):
    """A CSV or JSON Lines file of calls."""

    kind: Literal["csv"]
    file: str = Field(description="Path of the file.")
    timezone: Timezone | None = Field(
        default=None, description="Zone of times without an offset, where it is not `site.timezone`."
    )
    quiet: Duration = Field(default=86400.0, description="This long without a call is a warning.")


Telephony = Annotated[Uis | Ringostat | Mango | Asterisk | Csv, Field(discriminator="kind")]


class _Destination(_Account):
    fallback_employee: int | str | None = Field(
        default=None,
        union_mode="left_to_right",
        description="Who gets a call whose employee the CRM does not know.",
    )
    rate: Rate | None = Field(default=None, description="At most this many requests.")
    unknown_phone: Literal["create", "inbox", "leave"] | None = Field(
        default=None,
        description="A call whose number the CRM does not know: create a contact, put it into the inbox of "
        "unsorted ones, or leave it without a contact. Default: what the system can, inbox first.",
    )


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
    external_id_property: str = Field(
        default="external_call_id",
        pattern=r"^[a-z][a-z0-9_]{0,99}$",
        description="Property of calls, with unique values, that keeps the telephony's id of a call.",
    )


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
    tracker_id: int | None = Field(
        default=None, description="Number of the tracker of new issues, where it is not the project's first."
    )


class Jira(_Account):
    """Jira."""

    kind: Literal["jira"]
    url: WebAddress
    token: Secret
    user: str | None = Field(default=None, description="E-mail of the account that the token belongs to.")
    project: str
    issue_type: str = Field(default="Task", description="Type of new issues.")


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
