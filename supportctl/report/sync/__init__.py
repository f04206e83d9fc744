"""Renderers of a comparison of calls: text for the help desk, JSON for scripts, a page for the manager."""
