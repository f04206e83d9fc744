"""Fiscal registers: each protocol's probe reads a `RegisterState`; one judge turns every maker's state into findings."""
