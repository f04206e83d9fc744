"""Strict reading of the files that people write by hand: configuration, playbooks, answers."""
