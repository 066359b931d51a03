"""The inbox line."""
