"""The cluster engine: any number of machines on one PostgreSQL. Needs the extra `cluster`."""
