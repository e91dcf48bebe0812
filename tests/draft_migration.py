"""Draft a migration from the declared schema: ``python -m tests.draft_migration "Add the engine's version"``.

The recipe for a new field:

1. Declare it in `inventory/schema`, with ``since=`` the next revision; a new table, in `ENTITIES` too.
2. Set `REVISION` in `inventory/schema/__init__.py` to that revision.
3. Run this. It compares the declared tables with those that the migrations make, and writes the difference to
   ``migrations/versions``: read it. Views, triggers and comments need no migration.

A new documented value of an enumeration needs its word in the declaration, and nothing else.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from sqlalchemy import Text

from inventory.schema import ENTITIES, REVISION
from inventory.schema.ledger import declared
from inventory.schema.tables import UtcDateTime
from inventory.store.engine import open_store

FOLDER = Path(__file__).parent.parent / "migrations"


def draft(message: str) -> Path:
    """Write the next migration and return its path.

    Raises:
        SystemExit: the declared schema and its revision numbers do not fit, or nothing differs.
    """
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    scripts = ScriptDirectory.from_config(config)
    following = f"{int(scripts.get_current_head() or 0) + 1:04}"
    if following != REVISION:
        sys.exit(f'The next revision is {following}: set REVISION = "{following}" in inventory/schema/__init__.py')
    upgrade, downgrade = _operations(config)
    changed = [*_flat(upgrade)]
    if not changed:
        sys.exit("The migrations make the declared tables: nothing differs")
    _check_since(changed)
    lost = [_refusal(each) for each in _flat(downgrade)]
    script = scripts.generate_revision(
        following,
        message.rstrip("."),
        upgrades=_code(upgrade),
        downgrades="\n    ".join([*filter(None, lost), _code(downgrade)]),
    )
    assert script is not None
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", "--line-length", "200", script.path], check=True)
    return Path(script.path)


def _operations(config: Config) -> tuple[ops.UpgradeOps, ops.DowngradeOps]:
    """Return what leads from the tables that the migrations make to the declared ones, and back."""
    with TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/drafted.db", write=True) as store:
        with store.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with store.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            found = produce_migrations(context, declared("postgresql"))
    assert found.upgrade_ops is not None
    assert found.downgrade_ops is not None
    return found.upgrade_ops, found.downgrade_ops


def _flat(operations: ops.OpContainer) -> Iterator[ops.MigrateOperation]:
    for each in operations.ops:
        if isinstance(each, ops.OpContainer):
            yield from _flat(each)
        else:
            yield each


def _check_since(changed: list[ops.MigrateOperation]) -> None:
    """Make sure that each new column says which revision brought it: `diff` relies on that."""
    new = {(each.table_name, each.column.name) for each in changed if isinstance(each, ops.AddColumnOp)}
    tables = {each.table_name for each in changed if isinstance(each, ops.CreateTableOp)}
    for entity in ENTITIES:
        for field in entity.fields:
            is_new = entity.name in tables or (entity.name, field.name) in new
            if is_new and field.api.path is not None and field.api.since != REVISION:
                sys.exit(f'{entity.name}.{field.name} is new: declare it with since="{REVISION}"')


def _refusal(operation: ops.MigrateOperation) -> str | None:
    if isinstance(operation, ops.DropColumnOp):
        return f'refuse_to_lose("{operation.table_name}", "{operation.column_name}")'
    return f'refuse_to_lose("{operation.table_name}")' if isinstance(operation, ops.DropTableOp) else None


def _code(operations: ops.OpContainer) -> str:
    rendered = render_python_code(operations, render_item=_type)  # type: ignore[arg-type]
    return "\n".join(line for line in rendered.splitlines() if not line.lstrip().startswith("#")).strip()


def _type(kind: str, item: Any, _: object) -> str | bool:
    if kind == "type" and isinstance(item, Text):
        return "TEXT"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    draft(sys.argv[1])  # Alembic says what it wrote
