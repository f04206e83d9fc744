"""Simulated devices that answer on real sockets and pseudo-terminals, with faults to switch on."""
