"""A request's text becomes a report, or every mistake in it at once.

received     the JSON, plain or in an envelope; where it is none, line and column of the reason
fields       a mapping that is asked for its fields
timing       when it runs, and over which dates
placing      where its files go, and what it waits for
parse        all of it: a draft, and what is wrong
configure    what its engine says, and whether another report has its objects already
"""
