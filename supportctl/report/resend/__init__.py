"""What the on-call verbs say: lanes, deliveries and what became of calls, as text and as JSON."""
