"""Serves simulated devices on real sockets and pseudo-terminals, with wire faults and a control channel."""
