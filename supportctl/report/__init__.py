"""Renderers of one Report: text, slip, HTML, JSON, JUnit, Nagios."""
