"""The texts of every finding code, per language. The only place with sentences for people."""

from supportctl.catalog.loader import Catalog, CodeFacts, RemedyFacts, Words

__all__ = ["Catalog", "CodeFacts", "RemedyFacts", "Words"]
