"""What the configuration says, as the probes want to hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from probes.context import ProbeSettings

if TYPE_CHECKING:
    from supportctl.core.site import SiteConfig
    from supportctl.core.target import Target


def probe_settings(config: SiteConfig, target: Target) -> ProbeSettings:
    """Return the settings for one target of the configuration."""
    from supportctl.core.target import parse_target

    entry = next((entry for entry in config.targets if entry.name == target.name), None)
    named = [parse_target(other.url) for other in config.targets]
    hosts = {other.host for other in named if other.wire != "usb"} - {""}
    web_hosts = {other.host for other in named if other.wire in {"http", "https"}}
    return ProbeSettings(
        timezone=ZoneInfo(config.site.timezone) if config.site.timezone else None,
        expect=entry.expected() if entry else {},
        services=tuple(config.host.services),
        ntp_servers=tuple(config.network.ntp),
        hosts=tuple(config.network.hosts),
        disk_free_mb=config.host.disk_free_mb,
        target_hosts=tuple(sorted(hosts)),
        web_hosts=tuple(sorted(web_hosts)),
        connectivity_urls=tuple(config.network.connectivity_urls),
    )
