"""Schemas of the documents of all other commands."""

from collections.abc import Iterator

from inventory.render.json_schema.parts import (
    BOOLEAN,
    COUNT,
    DIGEST,
    INTEGER,
    TEXT,
    Schema,
    described,
    document,
    list_of,
    map_of,
    nullable,
    object_of,
    ref,
)
from inventory.render.json_schema.rows import column, row_of, service_job, snapshot_row
from inventory.schema import BY_NAME, ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import SNAPSHOTS, SOURCES

__all__ = ["definitions"]

_NUMBER = {"type": "number", "minimum": 0}
_PATH = described(TEXT, "Member names with dots between them")


def definitions() -> Iterator[tuple[str, Schema]]:
    """Yield the documents, and the definitions that they share, by name."""
    yield "snapshots", document(snapshots=list_of(ref("snapshot")))
    yield "sources-list", document(sources=list_of(_listed_source()))
    yield "show", object_of({"results": list_of(service_job()), "count": COUNT})
    yield "findings", _findings()
    yield "query", _query()
    yield "reports", document(reports=list_of(_report()))
    yield "verify", _verify()
    yield "verify-bundle", _verify_bundle()
    yield "export", _export()
    yield "prune", _prune()
    yield (
        "validate",
        document(
            file=TEXT,
            sources=described(list_of(TEXT), "Names of the sources"),
            unchecked=described(list_of(TEXT), "With --no-env: what was not checked"),
        ),
    )
    yield "config-show", _configuration()
    yield "doctor", document(
        checks=list_of(
            object_of({
                "state": {"enum": ["ok", "warn", "fail"]},
                "subject": described(TEXT, "A source's name, or database"),
                "check": TEXT,
                "detail": TEXT,
            })
        )
    )  # fmt: skip
    yield (
        "db-current",
        document(
            revision=described(nullable(TEXT), "Of the database; null where it has no tables"),
            needed=described(TEXT, "By this version"),
        ),
    )
    differences = described(list_of(TEXT), "From the declared tables, views and triggers")
    yield "db-check", document(differences=differences)
    yield (
        "db-stamp",
        document(
            revision=described(TEXT, "Of this version"),
            recorded=described(BOOLEAN, "Whether the database has it now"),
            differences=differences,
        ),
    )
    libraries = ("sqlalchemy", "alembic", "psycopg", "httpx", "click")
    yield "version", document(
        inventory=TEXT, revision=described(TEXT, "Of the tables"), python=TEXT, sqlite=TEXT,
        **dict.fromkeys(libraries, TEXT), platform=TEXT,
    )  # fmt: skip
    yield "schema", _dictionary()


def _listed_source() -> Schema:
    """Describe a source with its last snapshot; all but the name is null where it was never exported."""
    names = ("region", "project_id", "created_at", "retired_at")
    last = {"snapshot_id": "id"} | {name: name for name in ("finished_at", "observed_to", "status", "jobs")}
    return object_of({
        "name": column(SOURCES, "name"),
        **{name: column(SOURCES, name, empty=True) for name in names},
        **{name: column(SNAPSHOTS, of, empty=True) for name, of in last.items()},
        "age_seconds": described(nullable(INTEGER), "Since the last snapshot was observed"),
    })  # fmt: skip


def _findings() -> Schema:
    row = row_of(BY_NAME["findings"])["properties"]
    finding = {name: row[name] for name in ("kind", "path", "job_id")} | {
        "detail": TEXT,
        "evidence": described({"type": "object"}, "Path -> value, with secrets masked"),
        "new": described(BOOLEAN, "Whether the snapshot before does not have it"),
    }
    source = {
        "source": TEXT,
        "snapshot": ref("snapshot"),
        "before": described(nullable(ref("snapshot")), "The snapshot that it is compared with; null for the first"),
        "findings": list_of(object_of(finding)),
    }
    kinds = described(map_of(object_of({"meaning": TEXT, "remedy": TEXT})), "The kinds that were found")
    return document(sources=list_of(object_of(source)), kinds=kinds)


def _query() -> Schema:
    return document(
        columns=list_of(object_of({
            "name": TEXT, "type": nullable({"enum": ["text", "number", "boolean", "time", "date", "json", "integer"]}),
            "unit": nullable(TEXT),
        })),
        rows=list_of(map_of(described({}, "A value: times as RFC 3339, booleans as such, on both databases"))),
        total=described(nullable(COUNT), "Rows that there are; null where not all were counted"),
        truncated=described(BOOLEAN, "Whether --limit left rows out"),
    )  # fmt: skip


def _report() -> Schema:
    typed = {"name": TEXT, "type": TEXT}
    values = described(nullable(list_of(TEXT)), "The texts that it may be, beside NULL; null: any value")
    parameter = object_of({**typed, "values": values, "default": nullable(TEXT), "meaning": TEXT})
    result = object_of({**typed, "unit": nullable(TEXT), "meaning": TEXT})
    members = {"name": TEXT, "title": TEXT, "question": TEXT, "parameters": list_of(parameter)}
    return object_of({**members, "columns": list_of(result), "order": list_of(TEXT)})


def _verify() -> Schema:
    source = {
        "source": TEXT, "snapshots": COUNT, "pruned": COUNT,
        "jobs": described(COUNT, "In the last snapshot"),
        "rows": COUNT, "signed": COUNT, "unsigned_before_first_signed": COUNT,
        "compared_to": described(nullable(INTEGER), "The newest snapshot that was compared with outside evidence"),
        "check_runs": described(nullable(COUNT), "Runs of `check`; null without --checks"),
        "check_runs_recomputed": described(nullable(COUNT), "Of these, recomputed from the snapshot too"),
        "digest": described(nullable(TEXT), "Of the last snapshot"),
    }  # fmt: skip
    problem = {
        "source": nullable(TEXT),
        "word": described(
            TEXT,
            "What is wrong",
            examples=["altered", "missing", "added", "invalid", "dangling", "overlapping", "unseen", "unsigned"],
        ),
        "table": TEXT,
        "key": described(nullable({"type": "object"}), "Of the row; null where it is not known"),
        "first": described(nullable(INTEGER), "The first snapshot that sees the row"),
        "last": described(nullable(INTEGER), "The last one"),
        "detail": TEXT,
    }
    expected = {"digest": DIGEST, "source": nullable(TEXT), "snapshot": nullable(INTEGER)}
    return document(
        conclusion=TEXT,
        sources=list_of(object_of(source)),
        public_keys=described(list_of(TEXT), "Ids of the keys of --public-key"),
        expected=described(list_of(object_of(expected)), "The digests of --expect; null where no snapshot has one"),
        problems=list_of(object_of(problem)),
    )


def _verify_bundle() -> Schema:
    return document(
        source=TEXT, snapshot=INTEGER, digest=TEXT, rows=COUNT, jobs=COUNT,
        signed=described(nullable(TEXT), "The id of the key that signed it"),
        checks=described(COUNT, "Runs of `check` that it has"),
        problems=list_of(TEXT),
    )  # fmt: skip


def _export() -> Schema:
    result = {
        "recording": described(TEXT, "Name of the recording; '' for an export of the live service"),
        "snapshot": described(nullable(snapshot_row(source=False)), "null where it was imported before"),
        "imported_before_as": described(nullable(INTEGER), "The snapshot of an earlier import"),
        "findings": described(map_of(COUNT), "Number by kind"),
        "throttles": described(COUNT, "Answers that asked to slow down"),
        "incomplete": described(TEXT, "Why jobs may be missing; '' where none are"),
        "unread": list_of(object_of({"job_id": TEXT, "why": TEXT})),
    }
    source = {
        "source": TEXT,
        "code": described({"enum": [0, 1, 3, 75]}, "Exit code of the source"),
        "error": TEXT,
        "left_out": described(BOOLEAN, "Whether it did not begin"),
        "seconds": _NUMBER,
        "snapshots": list_of(object_of(result)),
    }
    code = described({"enum": [0, 1, 2, 3, 64, 75]}, "The exit code: that of the worst source, or of the check")
    check = described(nullable(ref("check-numbers")), "The check after the export; null where there was none")
    return document(run_id=TEXT, code=code, sources=list_of(object_of(source)), check=check)


def _prune() -> Schema:
    tables = [entity.history.name for entity in (*ENTITIES, JOB_DIGESTS)]
    source = {
        "source": TEXT,
        "snapshots": described(list_of(ref("snapshot")), "That are pruned, as they were before"),
        "kept": described(COUNT, "Number of snapshots that are left"),
        "rows": described(map_of(COUNT, tables), "Rows of history that go, by table"),
    }
    return document(dry_run=BOOLEAN, sources=list_of(object_of(source)))


def _configuration() -> Schema:
    origin = object_of({
        "kind": {"enum": ["file", "variable", "option", "region", "default", "unset"]},
        "name": described(nullable(TEXT), "Of the file, the variable or the option"),
        "line": nullable(COUNT),
        "references": described(list_of(TEXT), "What `${…}` in the file stands for"),
    })  # fmt: skip
    key = {
        "key": TEXT,
        "value": described({}, "Any JSON value; null where it is not set or not read"),
        "secret": described(BOOLEAN, "Whether the value is masked"),
        "from": origin,
    }
    file = described(nullable(TEXT), "null where there is no configuration")
    return document(file=file, file_from=origin, keys=list_of(object_of(key)))


def _dictionary() -> Schema:
    from_the_api = {
        "path": _PATH,
        "reference_table": described(nullable(COUNT), "Number of the reference's table"),
        "wire": described(TEXT, "The form in which it is sent"),
        "unit": nullable(TEXT),
        "secret": BOOLEAN,
        "values": described(list_of(TEXT), "The documented ones; others are stored too"),
        "since": described(TEXT, "Revision that added the column"),
    }
    ours = {"name": TEXT, "type": TEXT, "sqlite_type": TEXT, "nullable": BOOLEAN, "comment": TEXT}
    columns = {**object_of({**ours, **from_the_api}, optional=from_the_api)}
    columns["dependentRequired"] = {name: list(from_the_api) for name in from_the_api}  # all of them or none
    table = {
        "name": TEXT,
        "comment": TEXT,
        "key": list_of(TEXT),
        "history": described(nullable(TEXT), "Table with the superseded rows"),
        "as_of": described(nullable(TEXT), "View with the rows of each snapshot"),
        "periods": described(nullable(TEXT), "View with the period of each row"),
        "read_from": list_of(_PATH),
        "columns": list_of(columns),
    }
    seen = object_of({"name": TEXT, "type": TEXT, "sqlite_type": TEXT, "comment": TEXT, "unit": nullable(TEXT)})
    view = object_of({"name": TEXT, "comment": TEXT, "columns": list_of(seen)})
    return document(revision=TEXT, tables=list_of(object_of(table)), views=list_of(view))
