"""Bitrix24: statistics of telephony, employees, activities; by an incoming webhook or a token."""
