"""The demo: an invented world, and simulated vendors that show it. It knows no ledger, no lake."""
