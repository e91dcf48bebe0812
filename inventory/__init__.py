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
export/     the nightly run: `flow` is one source (read it first), `run` several at once
render/     records become text, pages, JSON, files to hand over
mock/       a DRS service on this machine, with faults on demand
cli/        the commands: click, and nothing but click

Where to change what:

- a new field: `schema/jobs.py`, or the module of its table beside it; then draft a migration (CONTRIBUTING.md)
- a retry rule: `source/retry.py`; attempts, transient answers: `source/client.py`; bisection: `source/live.py`
- when a job counts as removed: `source/answers.py`, `source/live.py` (`_proven`); for recordings `source/replay.py`
- what a kind of finding means, and what to do about it: `schema/finding_kinds.py`
- a command: its module in `cli/` (options, help, examples); what all share: `cli/base.py`; groups: `cli/group.py`
- the order and the words of a comparison: `render/changes.py`; what counts as a change: `diff/compare.py`
- how a secret is found: `normalise/redact.py` in a document, `normalise/secret_texts.py` in a text
- the worker processes: `export/pool.py`
- the SQL of a view: `schema/views.py`
- the text of an error: where it is raised (search for it)
- exit codes: 1, 64, 75 in `common/errors.py`; 3, and the worst of several, in `export/run.py`; 2 in `cli/changes.py`
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
