"""Finds devices: which ports there are, and what answers on them, by questions that are harmless to all."""
