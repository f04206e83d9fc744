"""Playbooks: the desk's knowledge in a form that runs, and the engine that runs it."""
