"""The control line."""
