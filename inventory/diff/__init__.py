"""Two ends of one source become change records: what to look at, the comparison, the records.

`records` says what a change is, `select` which are wanted, `masks`, `items` and `compare` find them in rows
and know no database; `ends` and `life` read those rows.
"""
