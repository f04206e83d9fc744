"""The ledger: every call that was accepted, what was tried, and what came of it."""
