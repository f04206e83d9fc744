"""Calls from files: CSV, JSON Lines, and the gaps that `sync check` has found."""
