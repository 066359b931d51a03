"""Boards: what a page of cards says, as plain data. Never HTML, never a chart library."""
