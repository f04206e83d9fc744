"""Scales: each protocol's probe reads a `Weighing`; one judge turns it into findings."""
