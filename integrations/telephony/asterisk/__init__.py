"""Asterisk: call detail records (CDR) in Master.csv or in a table, put together to calls."""
