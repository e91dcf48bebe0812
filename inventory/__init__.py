"""Exports DRS jobs to SQL tables with history, and shows what changed between snapshots.

Twelve packages, in the order in which to read them; a module imports only from its own package and from those above.

common/     errors and their exit codes, cancellation, exact JSON, safe text, the log
schema/     the declared tables and fields; SQL of views and triggers, and the data dictionary, derive from them
proof/      digests, signatures, and the check that recomputes them
config/     YAML and environment become frozen settings, or every fault with its line
normalise/  a job's JSON becomes masked rows with their digests, and JSON again
source/     network or recordings become an outcome for every job id: HTTP, sign-in, retry, rate limiter
store/      databases: open, migrate, lock, stage, commit, read, verify, prune
diff/       two snapshots become change records
export/     the nightly run: `flow` is one source in one function (read it first), `run` several at once
render/     records become text, pages, JSON, files to hand over
mock/       a DRS service on this machine, with faults on demand
cli/        the commands: click, and nothing but click

Where to change what:

- a new field: `schema/jobs.py`, or the module of its table beside it; then draft a migration (CONTRIBUTING.md)
- a retry rule: `source/retry.py`; which answers are transient: `source/client.py`
- the SQL of a view: `schema/views.py`
- the text of an error: where it is raised; its kind and exit code: `common/errors.py`
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
