"""Compares what telephony says happened with what the CRM has, call by call."""
