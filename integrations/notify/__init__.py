"""Chats and mail."""
