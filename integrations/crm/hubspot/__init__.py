"""HubSpot: calls are objects of their own, associated with contacts."""
