"""A simulated amoCRM (Kommo) account, after the documentation of its API v4."""
