"""The screens: HTML by Jinja over plain data, and the open routes that their islands read."""
