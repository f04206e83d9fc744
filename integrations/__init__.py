"""The wing that talks to telephony, CRM and shop systems of others."""
