"""The languages that every text exists in."""

LANGUAGES = ("en", "ru")
