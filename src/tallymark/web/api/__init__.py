"""The REST API, version 1: GET routes that want a token with the scope `read`."""
