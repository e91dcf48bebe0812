"""The tour: rooms in reading order; a room imports only rooms before it (tests/test_house.py).

errors, jsontext     leaves: what can go wrong; JSON without loss
schema/              the declared fields and tables, from which the rest derives
stop, address, http  the wish to end; one exchange over the network, and with whom
credentials          what a source signs in with
located, config      YAML and environment become Settings
redact, findings     secrets masked; oddities kept
render.text, log     text that is safe to print; the run's events
source/              network or recordings become an outcome for every id
normalise, rebuild   a job becomes rows, and rows the job again
digest               the proof of a row, a job, a snapshot
store/               databases: engine, migrations, staging and merge, reading as of a snapshot
diff                 two snapshots become change records
render/              records become text, tables, JSON
collect              the nightly flow in one function: read this first
metrics, ping        how a run ended, for who watches
reference            the data dictionary from the schema
starter              the configuration that `init` writes
mock/                a DRS to rehearse with
cli                  click, and nothing but click
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
