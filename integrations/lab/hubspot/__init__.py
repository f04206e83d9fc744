"""A simulated HubSpot account, after the documentation of its CRM API."""
