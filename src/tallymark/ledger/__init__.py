"""The ledger: what is due follows from periods and coverage; who does it, from claims."""
