"""Simulated trackers, as far as issues are made, found, commented and closed."""
