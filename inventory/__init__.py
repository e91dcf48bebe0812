"""The tour: rooms in reading order; a room imports only rooms before it (tests/test_house.py).

errors, jsontext     leaves: what can go wrong; JSON without loss
schema/              the declared fields and tables, from which the rest derives
stop, shard          the wish to end; a part of the sources
located, config      YAML and environment become Settings
redact, findings     secrets masked; oddities kept
source/              network or recordings become an outcome for every id
normalise, rebuild   a job becomes rows, and rows the job again
digest               the proof of a row, a job, a snapshot
store/               databases: engine, locks, migrations, staging and merge, reading as of a snapshot
diff                 two snapshots become change records
render/              records become text, tables, JSON
collect              the nightly flow in one function: read this first
reference            the data dictionary from the schema
starter, log         the configuration that `init` writes; the run's events
mock/                a DRS to rehearse with
cli                  click, and nothing but click
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
