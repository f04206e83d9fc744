"""Sessions with another machine: one protocol, four ways to get there, capabilities, consent, audit."""
