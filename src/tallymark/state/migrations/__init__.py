"""What changes the tables, one line a database file."""
