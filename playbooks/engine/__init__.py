"""The engine: format, loader, planner (pure), executor, journal, lint, test kit."""
