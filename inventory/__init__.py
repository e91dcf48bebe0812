"""Exports DRS jobs to SQL tables with history, and shows what changed between snapshots.

Thirteen packages, in the order in which to read them; a module imports only from its own package and from those above.

common/     errors and their exit codes, cancellation, exact JSON, safe text, the log
schema/     the declared tables and fields; SQL of views and triggers, and the data dictionary, derive from them
proof/      digests, signatures, and the check that recomputes them
config/     YAML and environment become frozen settings, or every fault with its line
normalise/  a job's JSON becomes masked rows with their digests, and JSON again
source/     network or recordings become an outcome for every job id: HTTP, sign-in, retry, rate limiter
store/      databases: open, migrate, lock, stage, commit, read, verify, prune
diff/       two snapshots become change records
export/     the nightly run: `flow` is one source (read it first), `run` several at once
report/     questions in SQL: reports, the scope of a day, the session that can only read; the rules of `check`
render/     records become text, pages, JSON, files to hand over
mock/       a DRS service on this machine, with faults on demand
cli/        the commands: click, and nothing but click

Where to change what:

- a new field: `schema/jobs.py`, or the module of its table beside it; then draft a migration (CONTRIBUTING.md)
- a field that is secret: `secret=True` on its line in `schema/`; a member without a column, by its name:
  `normalise/secret_names.py`; inside a text: `normalise/secret_texts.py`; the masking itself: `normalise/redact.py`
- how long between retries: `source/retry.py` (before the last rounds: `source/live.py`); which statuses are retried:
  `source/client.py` (sign-in: `source/auth/iam.py`, failures below HTTP: `source/http/failure.py`); bisection:
  `source/live.py`
- when a job counts as removed: `source/answers.py`, `source/live.py` (`_conclude_absence`); of recordings
  `source/replay.py`
- what a kind of finding means, and what to do about it: `schema/finding_kinds.py`
- a command: its function in `cli/` (search for `def NAME`; `diff` and `plan` are in `cli/changes.py`); what all share:
  `cli/base.py`; help and groups: `cli/group.py`
- the order and the words of a comparison: `render/changes.py`; what counts as a change: `diff/compare.py`
- a rule of `check`: its file in `report/rules/`; what makes a result open and close: `report/checks/states.py`; when a
  source is unknown: `report/checks/rule.py`, as is what its digest covers; what is new: `report/checks/checked.py`
- the worker processes: `export/pool.py`
- what systemd is told: `export/systemd.py`; what is a sign of life for its watchdog: `common/waits.py`
- the SQL of a view: `schema/views/` (no migration: `store/derived.py` creates views and triggers at each upgrade)
- the SQL of a report: its file in `report/sql/`; how a query is kept from changing anything: `report/session.py`
- the page of `report`: what it asks, in `report/page.py`; its figures, in `render/report.py` and `render/over_days.py`;
  how a chart is drawn, in `render/svg.py`
- the look of all pages (colours, type, head, policy, footer): `render/templates/`
- a member of a JSON document: where it is printed, and its schema in `render/json_schema/`
- the text of an error: search for its fixed words; it stands where it is raised
- exit codes, with their meaning: `common/errors.py`; the worst of several: `export/run.py`
- an event of the log: where it is logged, and its line in `common/log_events.py`
- a span: `trace.span` where the work is done; how spans and metrics are sent: `export/otlp.py`; whether they are:
  `config/telemetry.py`
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
