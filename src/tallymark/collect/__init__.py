"""Asking the vendors: every period of every source, exactly once."""
