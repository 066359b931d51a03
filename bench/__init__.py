"""Measures Tallymark against its peers, in ratios of one run on one machine."""
