"""Tallymark: all of a team's numbers in one place, each once, each with its completeness."""

__version__ = "0.1.0"
