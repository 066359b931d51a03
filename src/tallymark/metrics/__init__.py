"""Metrics: what a number is, how complete it is, and its buckets over time."""
