"""The test kit: a playbook is run against a lab with scripted people and a clock that is moved by hand."""
