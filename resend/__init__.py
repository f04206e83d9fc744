"""The wing that brings lost calls to the CRM: not built yet."""
