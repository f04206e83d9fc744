"""Probes of the path: DNS, TCP, TLS, proxy, clock, latency."""
