"""Cubes: small indexes derived from the lake, at six grains; thrown away and rebuilt at will."""
