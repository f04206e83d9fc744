"""Probes of the computer: serial ports, disk, time, services, spooler."""
