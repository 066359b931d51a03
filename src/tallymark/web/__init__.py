"""The rim: HTTP routes over what other rooms answer. Never a number of its own."""
