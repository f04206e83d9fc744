"""Escalations in words: issues, comments, messages to chats, the command line, JSON."""
