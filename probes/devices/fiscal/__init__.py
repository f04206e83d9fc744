"""Fiscal registers: each protocol's probe reads a `RegisterState`; one judge makes findings of it."""
