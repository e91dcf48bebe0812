"""The project's own rules: which package may import which, and that nothing is without an explanation."""

import ast
import functools
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from inventory.cli import main
from inventory.config.starter import STARTER
from inventory.normalise.secret_names import holds_secret
from inventory.schema import ENTITIES
from inventory.schema.kinds import TEXT
from inventory.schema.ledger import METADATA
from tests.conftest import ROOT, Command

README = (ROOT / "README.md").read_text()

# Packages in reading order: a package imports only packages before it.
PACKAGES = [
    "common",
    "schema",
    "proof",
    "config",
    "normalise",
    "source",
    "store",
    "diff",
    "export",
    "report",
    "render",
    "mock",
    "cli",
]

# Columns that only sound secret: what the service says about one, not the thing itself.
EXCUSED: set[str] = set()


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "inventory").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "inventory"


MODULES = {name_of(path): path for path in sorted((ROOT / "inventory").rglob("*.py"))}


@functools.cache
def imports(path: Path) -> list[tuple[str, str]]:
    """Return the module and the name of each import, wherever it stands."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def imported(path: Path) -> set[str]:
    """Return which of our modules a file imports."""
    found = set()
    for module, name in imports(path):
        if module.split(".")[0] != "inventory":
            continue
        inner = module.removeprefix("inventory").lstrip(".")
        deeper = f"{inner}.{name}".lstrip(".")
        found.add(deeper if deeper in MODULES else inner or "inventory")
    return found


def package_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def test_every_package_has_its_place() -> None:
    found = {package_of(name) for name in MODULES} - {"inventory", "__main__"}
    assert found == {*PACKAGES}, "add a new package to PACKAGES in this file, and to the list in inventory/__init__.py"
    tour = (ROOT / "inventory/__init__.py").read_text()
    assert re.findall(r"^(\w+)/ ", tour, re.MULTILINE) == PACKAGES


def test_a_package_imports_only_packages_before_it() -> None:
    wrong = [
        f"{name} imports {other}: move what it needs to `{package_of(name)}` or above, or hand it over as an argument"
        for name, path in MODULES.items()
        if name != "__main__"
        for other in imported(path)
        if other != "inventory" and PACKAGES.index(package_of(other)) > PACKAGES.index(package_of(name))
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {name: imported(path) - {name} for name, path in MODULES.items()}
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"these import each other; move what they share to a module of its own: {sorted(left)}"


# A large library has one place, so that it can be replaced there.
LIBRARIES = {
    "httpcore": "source.http",
    "httpx": "source.http",
    "yaml": "config.yaml",
    "structlog": "common.log cli.log_setup",
    "tenacity": "source",
    "click": "cli",
    "jinja2": "render.page",
    "markupsafe": "render",
    "msgspec": "normalise config",
    "opentelemetry": "export.otlp",
    "requests": "export.otlp",
}


@pytest.mark.parametrize(("library", "places"), LIBRARIES.items())
def test_a_library_has_one_place(library: str, places: str) -> None:
    using = {name for name, path in MODULES.items() if any(m.split(".")[0] == library for m, _ in imports(path))}
    allowed = places.split()
    found = {next((each for each in allowed if f"{name}.".startswith(f"{each}.")), name) for name in using}
    assert found == {*allowed}, "add the module to LIBRARIES in this file, or use the library where it is used already"


def test_engines_are_made_in_one_place() -> None:
    using = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id == "create_engine")
        or (isinstance(node, ast.Attribute) and node.attr == "create_engine")
    }
    assert using == {"store.engine"}


def test_migrations_import_nothing_of_ours() -> None:
    """So that it stays right whatever becomes of the schema; `store.derived` makes views and triggers after it."""
    for path in (ROOT / "migrations").rglob("*.py"):
        assert not imported(path), path


# What only some commands need. SQLAlchemy brings asyncio and importlib.metadata along.
UNREAD = (
    "alembic", "cryptography", "filelock", "httpcore", "httpx", "msgspec", "multiprocessing", "opentelemetry",
    "prometheus_client", "psycopg", "requests", "rich", "sqlalchemy.dialects.postgresql", "structlog", "tenacity",
    "yaml",
)  # fmt: skip
HEAVY = (
    *UNREAD, "asyncio", "importlib.metadata", "jinja2", "logging", "markupsafe", "simplejson", "sqlalchemy", "sqlite3",
    "tabulate",
)  # fmt: skip


def loaded(modules: tuple[str, ...], *words: str) -> list[str]:
    """Run a command and return which of some modules it imported."""
    code = (
        "import sys, atexit, json\n"
        f"atexit.register(lambda: print(json.dumps([m for m in {modules!r} if m in sys.modules]), file=sys.stderr))\n"
        f"from inventory.cli import main; main({list(words)!r})"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout
    found: list[str] = json.loads(done.stderr)
    return found


def test_help_is_light() -> None:
    assert loaded(HEAVY, "--help") == []


def test_who_only_reads_imports_only_what_reads(inventory: Command) -> None:
    """Imports are what a `diff` takes, whose two nights are read by index."""
    database = ("--database", "sqlite:///x.db")
    assert inventory("--config", str(ROOT / "samples/inventory.yaml"), *database, "export").returncode == 0
    job_id = json.loads(inventory(*database, "show", "--json").stdout)["results"][0]["id"]
    for words in (["diff"], ["log", job_id]):
        assert loaded((*UNREAD, "jinja2", "markupsafe", "tabulate"), *database, *words) == []
    for words in (["show", job_id], ["snapshots"]):
        assert loaded(UNREAD, *database, *words) == []


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_the_tour_names_what_there_is() -> None:
    tour = (ROOT / "inventory" / "__init__.py").read_text()
    for name in re.findall(r"`([a-z_]+/[a-z_/.]*)`", tour):
        assert (ROOT / "inventory" / name).exists(), name
    for path, function in re.findall(r"`([a-z_/]+\.py)` \(`(\w+)`\)", tour):
        assert f"def {function}(" in (ROOT / "inventory" / path).read_text(), function


def test_every_command_and_option_is_explained() -> None:
    for path, command in commands(main):
        assert (command.help or "").strip(), path
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (path, option.name)


def test_every_column_is_explained() -> None:
    for table in METADATA.sorted_tables:
        assert (table.comment or "").strip(), table.name
        for column in table.columns:
            assert (column.comment or "").strip(), f"{table.name}.{column.name}"


def test_what_looks_secret_is() -> None:
    leaks = {
        f"{entity.name}.{column.name}"
        for entity in ENTITIES
        for column in entity.fields
        if column.api.kind is TEXT and not column.api.secret
        if holds_secret(column.name) or holds_secret((column.api.path or "").split(".")[-1])
    }
    assert leaks == EXCUSED


def test_the_contract_s_secrets_are() -> None:
    names = (
        "db_password ssl_cert_password ssl_cert_key trust_store_key trust_store_password key_store_key"
        " key_store_password key_password"
    )
    secret = {
        (column.api.path or "").split(".")[-1] for entity in ENTITIES for column in entity.fields if column.api.secret
    }
    assert set(names.split()) <= secret


def test_init_writes_what_validate_accepts(inventory: Command, tmp_path: Path) -> None:
    assert inventory("init").returncode == 0
    valid = inventory("validate", HW_ACCESS_KEY="an-access-key", HW_SECRET_KEY="a-secret-key")
    assert valid.returncode == 0, valid.stderr
    assert inventory("validate", "--no-env").returncode == 0
    before = (tmp_path / "inventory.yaml").read_text()
    assert before == STARTER
    again = inventory("init")
    assert again.returncode == 64
    assert "inventory.yaml" in again.stderr
    assert (tmp_path / "inventory.yaml").read_text() == before


def test_the_readme_s_first_command(inventory: Command, tmp_path: Path) -> None:
    first = README.split("```sh\n")[1].split("\n")[0]
    pieces = [shlex.split(piece) for piece in first.split("&&")]
    runs = [words[1:] for words in pieces if words[0].endswith("/inventory")]
    assert [words[-1] for words in runs] == ["export", "diff"]
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    for words in runs:
        result = inventory(*words)
        assert result.returncode == 0, result.stderr
        assert result.stdout
    assert (tmp_path / "inventory.db").exists()


def test_the_dictionary_has_every_column(inventory: Command) -> None:
    markdown, document = inventory("schema").stdout, json.loads(inventory("schema", "--format", "json").stdout)
    found = {table["name"]: [column["name"] for column in table["columns"]] for table in document["tables"]}
    for table in METADATA.sorted_tables:
        if not table.name.endswith("_history"):
            assert found.pop(table.name) == [column.name for column in table.columns]
            section = markdown.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
            for column in table.columns:
                assert f"| `{column.name}` |" in section, f"{table.name}.{column.name}"
    assert not found


def test_the_dictionary_s_sql_makes_the_migrated_tables(inventory: Command, tmp_path: Path) -> None:
    sql = inventory("schema", "--format", "sql").stdout
    with sqlite3.connect(tmp_path / "declared.db") as connection:
        connection.executescript(sql)
    connection.close()
    assert inventory("--database", f"sqlite:///{tmp_path}/migrated.db", "db", "upgrade").returncode == 0
    engines = [create_engine(f"sqlite:///{tmp_path}/{name}.db") for name in ("declared", "migrated")]
    declared, migrated = (tables(engine) for engine in engines)
    assert declared == migrated


@pytest.mark.empty_database
def test_the_dictionary_s_sql_makes_postgresql_tables(inventory: Command, postgresql: str) -> None:
    sql = inventory("schema", "--format", "sql", "--dialect", "postgresql").stdout
    engine = create_engine(postgresql.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql(sql.replace("%", "%%"))
    declared = tables(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS public, public_internal CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    assert inventory("--database", postgresql, "db", "upgrade").returncode == 0
    assert declared == tables(engine)


def tables(engine: Engine) -> dict[str, Any]:
    """Describe all that a database holds of ours."""
    inspector = inspect(engine)
    found: dict[str, Any] = {}
    for name in inspector.get_table_names():
        if name != "alembic_version":
            foreign = inspector.get_foreign_keys(name)
            found[name] = {
                "columns": sorted(
                    (c["name"], str(c["type"]), c["nullable"], c.get("comment") or "")
                    for c in inspector.get_columns(name)
                ),
                "key": inspector.get_pk_constraint(name)["constrained_columns"],
                "foreign": sorted(
                    (f["constrained_columns"], f["referred_table"], f["referred_columns"], sorted(f["options"].items()))
                    for f in foreign
                ),
                "indexes": sorted((str(i["name"]), i["column_names"]) for i in inspector.get_indexes(name)),
                "unique": sorted(u["column_names"] for u in inspector.get_unique_constraints(name)),
            }
    for name in inspector.get_view_names():
        found[name] = re.sub(r"\s+", " ", inspector.get_view_definition(name)).strip().rstrip(";")
    engine.dispose()
    return found
