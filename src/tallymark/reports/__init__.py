"""Reports: configured once, made when their data is there, and never twice.

define             what a report is
request/           a request's text becomes one, or every mistake in it
service            what people do: submit, change, preview, why, regenerate (with `preview`,
                   `why`, `regenerate`, `again`, `told`)
due                which end dates a report is due for
store, runs, made  what is configured, each date's runs, and the files they made
run, attempt       the ledger's work: look, ask, spool, publish, note (with `stranded`, and
                   `standing`: whether what was read still holds)
columns, formats/  the answer's columns, and one file a format
spool, scratch     an answer becomes files, one for each combination
pattern, paths     what they are called, and whether two reports could `meet` in one object
publish, manifest  backups, puts that nobody else's can be lost by, the manifest (with `each`)
tend               the query beside the files, old files, files that somebody changed
"""
