"""The workspace in YAML: read, checked with file and line, and stored under a revision."""
