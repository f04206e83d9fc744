"""The texts of every finding code, per language. The only place with sentences for people."""

from supportctl.catalog.loader import LANGUAGES, Catalog, CodeFacts, RemedyFacts, Words

__all__ = ["LANGUAGES", "Catalog", "CodeFacts", "RemedyFacts", "Words"]
