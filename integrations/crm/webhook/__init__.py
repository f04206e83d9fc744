"""A webhook as a destination: calls as JSON, signed after Standard Webhooks."""
