"""Probes of till hardware."""
