"""An argument may be a text itself: told in the report's language, and never taken from a device."""

from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.finding import Finding, Meaning, Status, clean_args


def told(lang, **args):
    finding = Finding(
        "check.not-asked", Status.SKIPPED, "host:///", None, clean_args(args), because="net.no-address"
    )
    return describe(finding, Catalog(lang)).title


def test_a_meaning_is_told_in_the_language_of_the_report():
    assert "устройство с протоколом ?" in told("ru", probe=Meaning("device.recognised"))
    assert "a device that speaks ?" in told("en", probe=Meaning("device.recognised"))


def test_a_text_that_looks_like_a_key_stays_a_text():
    assert "device.recognised" in told("en", probe="device.recognised")
