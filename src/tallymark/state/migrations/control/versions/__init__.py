"""The revisions of the control line."""
