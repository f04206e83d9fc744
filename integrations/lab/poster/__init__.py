"""A simulated Poster account, written from the public documentation."""

from integrations.lab.poster.portal import PosterPortal

__all__ = ["PosterPortal"]
