"""The revisions of the inbox line."""
