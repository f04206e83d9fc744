"""The wing that asks devices, networks and computers; it only reads."""
