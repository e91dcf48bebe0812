"""The tour: rooms in reading order; a room imports only rooms before it (tests/test_house.py).

errors, jsontext     leaves: what can go wrong; JSON without loss
permissions          whether others may read a file that holds a secret
schema/              the declared fields and tables, from which the rest derives
shard                a part of the sources
address              with whom to speak, and how it is written
variables            the environment variables of Terraform and the vendor's SDK, and what each means here
credentials          what a source signs in with, and where a machine keeps it
seal                 what a snapshot is signed with
settings             what a configuration comes to
database_url         what a database URL says, why one cannot be used, what of one may be shown
config_keys          the keys of the configuration, declared once
config_schema        their JSON Schema, for editors, and their table
located, yamlfile, values, job_ids, convert, logins, sources, config_reader, config
                     YAML and environment become settings
masks                what stands in the place of a secret
secret_names         which names are those of secrets
secret_values, secret_forms, secret_texts  secrets found in texts
redact, findings     secrets masked; oddities kept
render/              records become text, pages, tables, JSON
log, waits, stop     the run's events; long waits among them; when to end: cancellation and deadlines
digest               the digests of a row, a job, a snapshot
normalise, rebuild   a job becomes rows, and rows the job again
prepare              rows with their proof: what is stored of a job
strict/              the short way there, for what is exactly as documented; and what is too large to hold
proof                what does not fit the digests
exchange, http/      one exchange over the network: proxies, TLS, deadlines, bodies
workers/             processes that send and prepare beside the export
source/              network or recordings become an outcome for every id
retention            which snapshots are kept
diff/                two ends of a source become change records; only ends and life read a database
store/               databases: engine, migrations, locks; rows by the thousand; what a snapshot builds on, proven;
                     reading, verifying, pruning
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
