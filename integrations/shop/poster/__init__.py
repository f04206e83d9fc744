"""Poster: sales without supplies, and goods without a cost."""
