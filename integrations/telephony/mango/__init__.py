"""Mango Office: calls and recordings, through the API of the virtual exchange (vpbx)."""
