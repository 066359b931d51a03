"""Reports: configured once, made when their data is there, and never twice.

define, parse    a request becomes a spec, or every mistake in it
due              which end dates a report is due for (pure)
store, runs      what is configured, and each date's run, in the control database
run              wait for the data, ask, spool, publish, note: a task of the ledger
formats          one file a format
publish          backups, puts that nobody else's can be lost by, the manifest
"""
