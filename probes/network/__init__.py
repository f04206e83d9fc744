"""Probes of the path: address, gateway, names, internet, proxy, clock, quality, ports, TLS.

Each question is two parts: facts (the only part that touches a wire, small, bounded by a deadline) and a
judgement (pure, tested from recorded facts). Nothing here logs in, changes anything or sends more than a
question. See docs/network-checks.md.
"""
