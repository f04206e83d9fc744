"""Probes of services that the till or its printers offer: SNMP, IPP."""
