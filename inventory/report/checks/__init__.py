"""Rules over the estate, and the memory of what they found.

`rule` is one file of SQL, `evaluate` runs it on one snapshot of one source, `states` says what follows for each result
(no database), `memory` reads and writes the tables, `run` puts these together, `checked` is what comes of it, `waive`
accepts a result, `verify` recomputes what is remembered.
"""
