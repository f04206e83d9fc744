"""The composition root: reads the configuration and plugs everything together."""
