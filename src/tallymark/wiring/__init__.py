"""The only room that builds: every other gets handed what it needs."""
