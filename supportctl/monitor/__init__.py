"""The web pages: not built yet, see docs/roadmap.md."""
