"""Playbooks, their runs and what is handed over, as pages."""
