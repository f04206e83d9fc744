"""Sessions with another machine: not built yet, see docs/roadmap.md."""
