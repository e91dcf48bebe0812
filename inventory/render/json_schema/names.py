"""The names of the JSON documents, each with the commands that print it. Imports nothing."""

__all__ = ["DOCUMENTS"]

DOCUMENTS: dict[str, str] = {
    "change-record": "`diff`, `plan` and `log` with --format jsonl: a line",
    "check": "`check --json`",
    "check-history": "`check history --json`",
    "check-list": "`check list --json`",
    "config-show": "`config show --json`",
    "db-check": "`db check --json`",
    "db-current": "`db current --json`",
    "db-stamp": "`db stamp --json`",
    "diff": "`diff --json`",
    "doctor": "`doctor --json`",
    "export": "`export --json`",
    "findings": "`findings --json`",
    "log": "`log --json`",
    "plan": "`plan --json` and `export --dry-run --json`",
    "prune": "`prune --json`",
    "query": "`query --json`",
    "reports": "`query --list --json`",
    "schema": "`schema --format json`",
    "show": "`show --json`",
    "snapshots": "`snapshots --json`",
    "sources-list": "`sources list --json`",
    "validate": "`validate --json`",
    "verify": "`verify --json`",
    "verify-bundle": "`verify --bundle FILE --json`",
    "version": "`--version --json`",
}
