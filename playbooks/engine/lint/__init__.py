"""`playbook lint`: numbered rules, each a small function; `rules` is the table, `run` applies them."""
