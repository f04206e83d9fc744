"""A simulated MoySklad account: JSON API 1.2 and Phone API 1.0, written from the public documentation."""

from integrations.lab.moysklad.portal import MoySkladPortal

__all__ = ["MoySkladPortal"]
