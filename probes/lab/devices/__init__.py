"""The device side of each protocol: sans-io, every fault switchable, every command recorded."""
