"""Simulated portals, written from the public documentation, with faults to switch on."""
