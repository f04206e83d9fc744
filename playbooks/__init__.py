"""Playbooks and the engine that runs them: not built yet."""
