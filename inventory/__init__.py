"""The tour: rooms in reading order; a room imports only rooms before it (tests/test_house.py).

errors, jsontext     leaves: what can go wrong; JSON without loss
schema/              the declared fields and tables, from which the rest derives
stop, shard          the wish to end; a part of the sources
address              with whom to speak, and how it is written
credentials, seal    what a source signs in with; what a snapshot is signed with
settings             what a configuration comes to
located, yamlfile, values, sources, config  YAML and environment become settings
secret_names         which names are those of secrets
secret_values, secret_forms, secret_texts  secrets found in texts
redact, findings     secrets masked; oddities kept
render/              records become text, pages, tables, JSON
log, digest          the run's events; the digests of a row, a job, a snapshot
normalise, rebuild   a job becomes rows, and rows the job again
prepare              rows with their proof: what is stored of a job
strict/              the short way there, for what is exactly as documented; and what is too large to hold
proof                what does not fit the digests
exchange, http       one exchange over the network
workers/             processes that send and prepare beside the export
source/              network or recordings become an outcome for every id
retention            which snapshots are kept
diff/                two ends of a source become change records; only ends and life read a database
store/               databases: engine, migrations, locks; rows by the thousand; reading, verifying, pruning
intake               outcomes become staged rows, findings and digests
collect              the nightly flow of one source in one function: read this first
outcome, fleet       what became of each source; several at once
doctor               what a night will meet, tried beforehand
metrics, ping, watch how a run ended, told to whoever watches
reference, bundle    the data dictionary from the schema; a snapshot to hand over
starter              the configuration that `init` writes
mock/                a DRS to rehearse with
cli/                 click, and nothing but click
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
