"""Sources of calls: each yields the same `Call`, whatever the system."""
