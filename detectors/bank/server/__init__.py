"""A bank on a PostgreSQL server: its address, the connection, and its tables."""
