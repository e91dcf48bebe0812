"""The triggers that keep history append-only, as SQL.

They prevent accidents. They do not stop the owner of the database, who can drop them; only `verify` detects that.
`prune` disables them for its own transaction through the table `internal_maintenance`.
"""

from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import CHECK_TABLES, SIGNATURES

__all__ = ["triggers"]

_REFUSED = "history is append-only: only `inventory prune` deletes from it"
_FINISHED = "a finished snapshot does not change"
_REMEMBERED = "the memory of check is append-only: nothing deletes from it"
_NOT_PRUNING = {
    "sqlite": "coalesce((SELECT pruning FROM internal_maintenance), 0) = 0",
    "postgresql": "NOT coalesce((SELECT pruning FROM internal_maintenance), false)",
}


def triggers(dialect: str) -> dict[str, str]:
    """Return name -> CREATE TRIGGER (and on PostgreSQL the functions before them), in the order to create them.

    Args:
        dialect: sqlite or postgresql.
    """
    tables = [*(entity.history.name for entity in (*ENTITIES, JOB_DIGESTS)), SIGNATURES.name]
    return _sqlite(tables) if dialect == "sqlite" else _postgresql(tables)


def _sqlite(tables: list[str]) -> dict[str, str]:
    found = {}
    guarded = [(table, _NOT_PRUNING["sqlite"], _REFUSED) for table in tables]
    # A snapshot's row is finished once it has its digest.
    guarded.append(("snapshots", f"OLD.digest <> '' AND {_NOT_PRUNING['sqlite']}", _FINISHED))
    guarded += [(table.name, "1 = 1", _REMEMBERED) for table in CHECK_TABLES]
    for table, when, why in guarded:
        for action in ("UPDATE", "DELETE"):
            name = f"{table}_no_{action.lower()}"
            found[name] = (
                f"CREATE TRIGGER {name} BEFORE {action} ON {table}\n"
                f"WHEN {when}\nBEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
    return found


def _postgresql(tables: list[str]) -> dict[str, str]:
    found = {
        "refuse_history": _function("refuse_history", _NOT_PRUNING["postgresql"], _REFUSED, "NULL"),
        "refuse_snapshot": _function(
            "refuse_snapshot", f"OLD.digest <> '' AND {_NOT_PRUNING['postgresql']}", _FINISHED,
            "CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END",
        ),
        "refuse_memory": _function("refuse_memory", "true", _REMEMBERED, "NULL"),
    }  # fmt: skip
    refusals = dict.fromkeys(tables, "refuse_history") | {table.name: "refuse_memory" for table in CHECK_TABLES}
    for table, function in refusals.items():
        found[f"{table}_append_only"] = (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}\n"
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
    found["snapshots_append_only"] = (
        "CREATE TRIGGER snapshots_append_only BEFORE UPDATE OR DELETE ON snapshots\n"
        "FOR EACH ROW EXECUTE FUNCTION refuse_snapshot()"
    )
    return found


def _function(name: str, when: str, why: str, result: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$\n"
        f"BEGIN\n  IF {when} THEN\n    RAISE EXCEPTION '{why}';\n  END IF;\n  RETURN {result};\nEND $$"
    )
