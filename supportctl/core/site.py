"""The models of `supportctl.yaml` (docs/configuration.md). JSON Schema: `supportctl config schema`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from supportctl.core.accounts import Crm, Strict, Telephony, Tracker
from supportctl.core.bundle_settings import BundleSettings, RedactionSettings
from supportctl.core.fields import AnyAddress, Duration, Host, Name, Place, Region, Secret, Store, Timezone
from supportctl.core.remote_settings import RemoteSettings
from supportctl.core.shop_accounts import Shop
from supportctl.core.signing_settings import SigningSettings
from supportctl.core.sync_settings import SyncSettings
from supportctl.core.target import Target, parse_target


class Site(Strict):
    """Who this shop is."""

    id: Name | None = Field(default=None, description="Short name in reports and monitors: shop-12.")
    name: str | None = Field(default=None, description="As people call it; shown in reports.")
    timezone: Timezone | None = Field(default=None, description="Zone of the shop, for clocks of registers.")
    phone_region: Region | None = Field(default=None, description="Country of numbers without +: RU.")


class Expect(Strict):
    """What is normal for this target, where a device cannot know."""

    drawer: Literal["open", "closed"] | None = None
    shift: Literal["open", "closed"] | None = None
    model: str | None = Field(default=None, description="Part of the model's name.")
    serial: str | None = Field(default=None, description="Serial number.")
    firmware: str | None = Field(
        default=None, description="Lowest firmware of a register that the shop's work needs."
    )
    unit: Literal["kg", "g", "lb", "oz"] | None = Field(
        default=None, description="Unit in which the till expects the weights of a scale."
    )


class TargetEntry(Strict):
    """One thing that can be asked."""

    name: Name
    url: str = Field(description="[PROTOCOL+]WIRE://ADDRESS[?options]")
    expect: Expect = Expect()

    def target(self) -> Target:
        """Return the target that `url` names.

        Raises:
            UsageError: the URL is wrong.
        """
        return parse_target(self.url, self.name)

    def expected(self) -> Mapping[str, str]:
        """Return what is normal for this target, only what the configuration says."""
        return {key: str(value) for key, value in self.expect.model_dump(exclude_none=True).items()}


class HostSettings(Strict):
    """What is normal for this computer."""

    services: tuple[str, ...] = Field(default=(), description="Names of the services of the till software.")
    disk_free_mb: int = Field(default=1024, ge=0, le=10**9, description="Less free is a warning.")


class NetworkSettings(Strict):
    """What this computer's network is asked about."""

    hosts: tuple[Host, ...] = Field(
        default=(), description="Services that the till needs: NAME, NAME:PORT or https://NAME."
    )
    ntp: tuple[Host, ...] = Field(default=(), description="Time servers.")
    connectivity_urls: tuple[AnyAddress, ...] = Field(
        default=(), description="Plain pages that show whether a captive portal is in the way."
    )


class ResendSettings(Strict):
    """When a lost call is tried again."""

    horizon: Duration = Field(default=86400.0, description="After this long people are told.")
    first_delay: Duration = 60.0
    max_delay: Duration = 14400.0
    settle: Duration = Field(
        default=60.0, description="Wait after an unclear answer, before the CRM is asked."
    )
    recordings: tuple[Place, ...] = Field(
        default=(),
        description="Where recordings may lie: NAME, *.DOMAIN, NAME:PORT or a network (10.1.0.0/24). Empty: "
        "anywhere in the internet, and at the telephony accounts' own addresses.",
    )


_People = Literal["customer", "first-line", "second-line", "developers", "other-company"]


class EscalationSettings(Strict):
    """Whom a problem is reported to, and when."""

    tracker: str | None = Field(default=None, description="Name of an entry of `trackers`.")
    routes: dict[_People, str] = Field(
        default_factory=dict,
        description="Entries of `trackers` for problems that these people have to mend, where it is not "
        "`tracker`.",
    )
    notify: bool = False
    language: Literal["en", "ru"] | None = Field(
        default=None, description="Language of issues and messages, where it is not the user's."
    )
    every: Duration = Field(default=60.0, description="How often a worker looks for problems.")
    open_after: Duration = Field(
        default=900.0, description="A CRM that fails for this long is a problem for people."
    )
    update_every: Duration = Field(
        default=3600.0, description="An issue gets at most one comment in this time, unless there is news."
    )
    close_after: Duration = Field(
        default=86400.0, description="An issue is closed this long after its problem is over."
    )
    deadline_warning: Duration = Field(
        default=7200.0, description="People are told this long before the horizon of a call."
    )
    mass_destinations: int = Field(
        default=5, ge=2, le=10**6, description="The same failure at so many accounts is for the developers."
    )
    mass_share: float = Field(
        default=0.25, gt=0, le=1, description="Or at this share of all accounts, from three on."
    )
    own_fault_calls: int = Field(
        default=50, ge=2, le=10**9, description="The same refusal of so many calls is for the developers."
    )


class PlaybookSettings(Strict):
    """Where playbooks are, and where their runs are kept."""

    folders: tuple[str, ...] = Field(
        default=(), description="Folders with playbooks of your own; one with a known name takes its place."
    )
    runs: str | None = Field(
        default=None, description="Folder of the journals of runs; else the platform's folder for states."
    )
    settings_folders: tuple[str, ...] = Field(
        default=(), description="Folders with settings files of drivers that actions may change."
    )


class SiteConfig(Strict):
    """One site: its tills, devices, services and accounts."""

    site: Site = Site()
    targets: tuple[TargetEntry, ...] = ()
    telephony: dict[Name, Telephony] = Field(default_factory=dict)
    crm: dict[Name, Crm] = Field(default_factory=dict)
    shop: dict[Name, Shop] = Field(default_factory=dict)
    store: Store = "sqlite:///supportctl.db"
    sync: SyncSettings = SyncSettings()
    resend: ResendSettings = ResendSettings()
    trackers: dict[Name, Tracker] = Field(default_factory=dict)
    notify: tuple[Secret, ...] = ()
    escalation: EscalationSettings = EscalationSettings()
    playbooks: PlaybookSettings = PlaybookSettings()
    remote: RemoteSettings = RemoteSettings()
    signing: SigningSettings = SigningSettings()
    redaction: RedactionSettings = RedactionSettings()
    bundle: BundleSettings = BundleSettings()
    host: HostSettings = HostSettings()
    network: NetworkSettings = NetworkSettings()

    def parsed_targets(self) -> tuple[Target, ...]:
        """Return the configured targets with their names, in the order of the file."""
        return tuple(entry.target() for entry in self.targets)

    def entry(self, name: str) -> TargetEntry | None:
        """Return the target with this name."""
        return next((entry for entry in self.targets if entry.name == name), None)
