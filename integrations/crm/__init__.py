"""CRM systems: what they have of the calls, and (later) how calls are brought to them."""
