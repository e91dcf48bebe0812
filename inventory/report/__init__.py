"""Questions in SQL: what a user writes, the reports that are shipped, and the session that runs them.

`statement` reads one SELECT, `scope` shows it the estate of a day or of some sources, `library` holds the reports as
files, `session` runs it on either database so that it can change nothing.
"""
