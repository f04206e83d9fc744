"""The wires of sessions. Only here a socket is opened; above it is a `SessionLink`."""
