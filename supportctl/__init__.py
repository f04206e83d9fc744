"""supportctl: finds out what is broken at a till and says who mends it."""

__version__ = "0.1.0"
