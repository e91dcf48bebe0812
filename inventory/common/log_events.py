"""Every event of the log: its name, level and fields, what it means and what to do. Others rely on these.

An event keeps its name, its fields and their meaning between versions; a later version may add events and fields. So a
test compares this list with the calls of the logger, and with the events of real runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["COMMON", "EVENTS", "LogEvent", "markdown"]

COMMON = {
    "timestamp": "when it was logged, UTC",
    "level": "`debug` (with `-v`), `info`, `warning` or `error`",
    "event": "its name",
}
_RUN = {"run_id": "the run, as in `snapshots.run_id`"}
_SOURCE = {**_RUN, "source": "the source's name"}
_CALL = {"call": "`list` or `detail`; `token` or `projects` as it signs in"}
_HOST = {"host": "the host that is asked"}
_IDS = {"ids": "the first 3 job ids of the request", "jobs": "how many jobs are requested together"}
_ATTEMPT = {"attempt": "the number of the attempt, from 1"}


@dataclass(frozen=True)
class LogEvent:
    """One kind of event.

    levels: those that it may have. when: when it is logged. fields: name -> meaning, besides `COMMON`. optional: the
    fields that it may lack. action: what whoever reads it should do.
    """

    name: str
    levels: tuple[str, ...]
    when: str
    fields: Mapping[str, str]
    optional: frozenset[str] = field(default_factory=frozenset)
    action: str = "Nothing."


EVENTS = (
    LogEvent("started", ("info",), "A source begins.", _SOURCE),
    LogEvent(
        "signing in",
        ("info",),
        "The source has credentials, and its project is looked up if the configuration does not name it.",
        {**_SOURCE, "host": "the address of the service", "origin": "where the credentials come from"},
        action="Nothing, unless `origin` is not the credentials that you meant.",
    ),
    LogEvent(
        "answer",
        ("debug",),
        "The service answered a request.",
        {
            **_SOURCE,
            **_CALL,
            **_ATTEMPT,
            "status": "the HTTP status",
            "seconds": "how long the request took",
            "bytes": "the size of the body, decompressed",
            "request_id": "the service's number of the request, or empty",
        },
    ),
    LogEvent(
        "no answer",
        ("debug",),
        "A request got no usable answer.",
        {**_SOURCE, **_CALL, **_ATTEMPT, "why": "the reason, one of a few"},
        action="Nothing: `retrying` or `failed` follows.",
    ),
    LogEvent(
        "retrying",
        ("warning",),
        "A request failed for a transient fault and is sent again after a pause.",
        {
            **_SOURCE,
            **_CALL,
            **_HOST,
            **_IDS,
            **_ATTEMPT,
            "attempts": "the most attempts, if their number is limited",
            "pause": "seconds until the next attempt",
            "why": "the HTTP status and the error code, or the reason",
        },
        frozenset({"ids", "jobs", "attempts"}),
        "Nothing for a few. For many each night: lower `requests_per_second` or `concurrency` if `why` is HTTP 429;"
        " otherwise ask the vendor, or whoever runs the network.",
    ),
    LogEvent(
        "waiting",
        ("warning",),
        "A wait has lasted ten seconds; again after 30, 90, … seconds.",
        {
            **_SOURCE,
            "what": "what is waited for: an answer, the rate limit, the lock, sign-in, a pause",
            "seconds": "how long so far",
            **_HOST,
            **_CALL,
            **_IDS,
            "lock": "the source whose lock is waited for",
            "requests": "how many requests wait for the same",
        },
        frozenset({"host", "call", "ids", "jobs", "lock", "requests"}),
        "If it goes on until the deadline, see what `what` and `host` name.",
    ),
    LogEvent(
        "last round",
        ("warning",),
        "Jobs that failed for a transient fault are requested once more, each alone.",
        {**_SOURCE, **_HOST, **_IDS, "pause": "seconds until then"},
        action="Nothing: `exported` or `partial` tells how it ended.",
    ),
    LogEvent(
        "reading the source once more",
        ("warning",),
        "The connection to the database broke; what was staged is lost, and the source is read again.",
        {**_SOURCE, "why": "the reason"},
        action="See why the database ended the connection, if it happens again.",
    ),
    LogEvent(
        "retrying the connection to the database",
        ("warning",),
        "The database is away, and is asked again after a pause.",
        {**_SOURCE, "why": "the reason", "seconds": "seconds until the next attempt"},
        frozenset({"run_id", "source"}),
        "See that the database runs and has free connections.",
    ),
    LogEvent(
        "left out",
        ("warning",),
        "The run's deadline passed before the source began.",
        {**_SOURCE, "why": "the deadline"},
        action="Nothing for one night: it comes first in the next. Otherwise raise `deadline` or `parallel`.",
    ),
    LogEvent(
        "exported",
        ("info",),
        "A snapshot was written.",
        {
            **_SOURCE,
            "snapshot": "its id",
            "status": "`complete` or `partial`",
            "consistency": "`one pass`, `repaired` or `torn`",
            "jobs": "jobs in it",
            "added": "jobs that are new",
            "changed": "jobs that changed",
            "removed": "jobs that the service no longer has",
            "deselected": "jobs that the configuration no longer names",
            "unreadable": "jobs that could not be read",
            "requests": "requests sent, retries included",
            "retries": "requests sent again",
            "throttles": "answers that asked to slow down",
            "findings": "findings of the snapshot",
            "seconds": "since the source began",
            "digest": "the digest of the snapshot",
        },
        action="Keep `digest` elsewhere, as evidence for `verify --expect`.",
    ),
    LogEvent(
        "skipped",
        ("info",),
        "A recording is a snapshot already.",
        {**_SOURCE, "recording": "the recording's folder", "snapshot": "the id of that snapshot"},
    ),
    LogEvent(
        "signing",
        ("warning",),
        "Signing begins with this snapshot, or its key changed.",
        {**_SOURCE, "snapshot": "its id", "detail": "which of the two, and the ids of the keys"},
        action="If you did not ask for that with `--begin-signing`, find out who did.",
    ),
    LogEvent(
        "partial",
        ("error",),
        "A snapshot was written and lacks something.",
        {
            **_SOURCE,
            "snapshot": "its id",
            "unreadable": "jobs that could not be read",
            "incomplete": "why jobs may be missing that nobody knows of, or empty",
        },
        action="See the page of exit code 3.",
    ),
    LogEvent(
        "unread",
        ("error",),
        "After `partial`, for each of its first 100 jobs that could not be read.",
        {**_SOURCE, "job_id": "the job", "why": "the reason"},
        action="`inventory findings --full` lists all of them.",
    ),
    LogEvent(
        "checked",
        ("info",),
        "The rules of `check` were run after the export.",
        {
            **_RUN,
            "new": "results that are new",
            "reopened": "results that are back",
            "overdue": "results that are open for longer than allowed",
            "fixed": "results that are gone",
            "closed": "results whose job is gone",
            "same": "results that are open as before",
            "waived": "results that are accepted until a day",
            "unknown": "sources that could not be checked",
        },
        action="`inventory check --dry-run` shows the results.",
    ),
    LogEvent(
        "failed",
        ("error",),
        "A source failed, and nothing of it was written; or the command failed, then without `source`.",
        {**_SOURCE, "code": "the exit code", "error": "the message", "seconds": "since the source began"},
        frozenset({"run_id", "source", "seconds"}),
        "See the page of the exit code.",
    ),
    LogEvent(
        "unexpected",
        ("debug",),
        "A fault of this program failed a source; `failed` follows.",
        {**_SOURCE, "exception": "where in the program"},
        frozenset({"source", "run_id"}),
        "Report the log.",
    ),
    LogEvent("note", ("info",), "Something to know.", {**_RUN, "text": "what"}, frozenset({"run_id"})),
    LogEvent(
        "warning",
        ("warning", "error"),
        "Something is probably not as it was meant; it does not fail the run. An error only with `-q`.",
        {**_RUN, "text": "what, and what to do"},
        frozenset({"run_id"}),
        "Do what the text says.",
    ),
    LogEvent(
        "library",
        ("warning", "error"),
        "A library that is used has something to say.",
        {**_SOURCE, "library": "its name", "text": "what it says", "exception": "where in the library"},
        frozenset({"run_id", "source", "exception"}),
        "Nothing, unless something else went wrong: then it may say why.",
    ),
    LogEvent(
        "finished",
        ("info", "error"),
        "The last event of `export` and `plan`. An error if the exit code is not 0.",
        {
            **_RUN,
            "code": "the exit code",
            "seconds": "how long the run took",
            "sources": "sources of the run",
            "complete": "sources with a complete snapshot",
            "partial": "sources with a partial one",
            "failed": "sources that failed",
            "busy": "sources that another export had",
            "left_out": "sources that did not begin",
            "not_complete": "the names of the first 20 that are not complete",
        },
        action="If there is none, the process was killed, or the machine went down.",
    ),
)


def markdown() -> Iterator[str]:
    """Yield the lines of the reference: every event, with its fields."""
    yield "With `--log-format json` standard error has one JSON object a line and nothing else: an event. Each has:"
    yield ""
    yield from _table("field", COMMON, frozenset())
    yield ""
    yield "An event keeps its name, its fields and their meaning between versions. A later version may add events and"
    yield "fields. A field that is printed in italics may be missing. Events of the level `debug` are logged with `-v`."
    yield ""
    yield "| event | level | when |"
    yield "|---|---|---|"
    for each in EVENTS:
        yield f"| [`{each.name}`](#{each.name.replace(' ', '-')}) | {_levels(each)} | {each.when} |"
    for each in EVENTS:
        yield ""
        yield f"## {each.name}"
        yield ""
        yield f"{each.when} Level: {_levels(each)}."
        yield ""
        yield f"What to do: {each.action}"
        yield ""
        yield from _table("field", each.fields, each.optional)


def _levels(event: LogEvent) -> str:
    return " or ".join(f"`{level}`" for level in event.levels)


def _table(heading: str, fields: Mapping[str, str], optional: frozenset[str]) -> Iterator[str]:
    yield f"| {heading} | meaning |"
    yield "|---|---|"
    for name, meaning in fields.items():
        mark = "*" if name in optional else ""
        yield f"| {mark}`{name}`{mark} | {meaning} |"
