"""What commands print as JSON is as `schema --format json-schema` says, whatever the exit code."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from inventory.cli import main
from inventory.common.cancellation import Stop
from inventory.config.load import normal_url
from inventory.mock import DrsServer, Fault
from inventory.render.json_schema.documents import all_documents, documents
from inventory.render.json_schema.names import DOCUMENTS
from inventory.schema import ESTATE
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
from tests.conftest import ROOT, Command, here, ran, write_page
from tests.live import DATABASE, Export
from tests.nights import Night, record
from tests.test_changes import NIGHTS
from tests.test_command_line import commands
from tests.test_seal import configured

SAMPLES = ROOT / "samples"
Printed = list[tuple[str, Any]]  # the name of a document, and the document
SECRETS: list[Night] = [
    {
        "s-1": {
            "name": "secrets",
            "source_endpoint": {"ip": ip, "db_password": "Pl4nted!", "db_user": "u"},
            "tags": [{"key": "owner", "value": "me"}, {"key": "owner", "value": ip}],
            "never_seen": {"password": "Pl4nted!", "deep": [1, 2.5, None, True]},
            "object_infos": [{"id": "db", "type": "database"}, 7],
            "create_time": "no time",
        }
    }
    for ip in ("10.0.0.1", "10.0.0.2")
]


@cache
def validators() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(schema) for name, schema in documents().items()}


def faults(name: str, document: Any) -> list[str]:
    """Return what the schema of a document says against it."""
    return [f"{name}{error.json_path[1:]}: {error.message[:300]}" for error in validators()[name].iter_errors(document)]


# What is run in a folder with a configuration c.yaml and a database x.db; each with its document and exit code.
EVERYDAY: list[tuple[str, str, int]] = [
    ("validate", "validate --json", 0),
    ("validate", "validate --no-env --json", 0),
    ("config-show", "config show --json", 0),
    ("doctor", "doctor --json", 0),
    ("export", "export --json", 0),  # again: nothing new
    ("plan", "plan --json", 0),
    ("plan", "export --dry-run --json", 0),
    ("diff", "diff --json", 0),
    ("diff", "diff 1 --each --json", 0),
    ("diff", "diff 2 1 --json --show-ignored --ignore jobs.status", 0),
    ("diff", "diff 1 1 --json", 0),
    ("diff", "diff --json --detailed-exitcode", 2),
    ("change-record", "diff 1 --format jsonl", 0),
    ("change-record", "diff 2 1 --format jsonl --show-ignored --ignore jobs.status", 0),
    ("change-record", "log --format jsonl", 0),
    ("log", "log --json", 0),
    ("show", "show --json", 0),
    ("snapshots", "snapshots --json", 0),
    ("sources-list", "sources list --json", 0),
    ("query", "query --report secrets-seen --json", 0),
    ("reports", "query --list --json", 0),
    ("findings", "findings --json", 0),
    ("findings", "findings --new --json", 0),
    ("verify", "verify --json", 0),
    ("db-current", "db current --json", 0),
    ("db-check", "db check --json", 0),
    ("prune", "prune --keep-daily 1 --dry-run --json", 0),
    ("schema", "schema --format json", 0),
    ("version", "--version --json", 0),
]


def printed(name: str, line: str, code: int) -> Printed:
    """Run a command in the folder and return what it printed, a document a line where these are JSON Lines."""
    done = here("--config", "c.yaml", "--database", DATABASE, *line.split())
    assert done.returncode == code, (line, done.stdout[-1000:], done.stderr)
    texts = done.stdout.splitlines() if "jsonl" in line else [done.stdout]
    return [(name, json.loads(text)) for text in texts]


def everyday() -> Printed:
    return [each for name, line, code in EVERYDAY for each in printed(name, line, code)]


def write_nights(nights: list[Night], *, source: str = "s") -> None:
    for at, night in enumerate(nights, 1):
        record(Path(f"n{at}"), night, at, set(nights[0]) - night.keys())
    replay = ", ".join(f"n{at}" for at in range(1, len(nights) + 1))
    Path("c.yaml").write_text(f"sources: [{{name: {source}, replay: [{replay}]}}]\n")


def of_samples() -> Printed:
    shutil.copytree(SAMPLES, "samples")
    Path("c.yaml").write_text("sources: [{name: sample, replay: [samples/night-1, samples/night-2]}]\n")
    return [*printed("export", "export --json", 0), *everyday()]


def of_changes() -> Printed:
    write_nights(NIGHTS)
    found = [*printed("plan", "plan --json", 0), *printed("export", "export --json --max-removals 100%", 0)]
    return [*found, *everyday(), *printed("log", "log a-stays --json", 0), *printed("show", "show a-stays --json", 0)]


def of_secrets() -> Printed:
    write_nights(SECRETS)
    found = [*printed("export", "export --json", 0), *everyday()]
    assert "Pl4nted!" not in json.dumps(found)
    return found


def of_proof() -> Printed:
    """Two signed snapshots, evidence from outside, bundles, and what is wrong after somebody altered a row."""
    configured(Path())
    found = [*printed("export", "export --json", 0), *printed("config-show", "config show --json", 0)]
    ran("--database", DATABASE, "bundle", "2", "--out", "b.zip")
    digest = next(document for name, document in found if name == "export")["sources"][0]["snapshots"][1]["snapshot"]
    evidence = f"--public-key public.pem --expect {digest['digest']} --expect {'0' * 64}"
    found += printed("verify", f"verify {evidence} --json", 1)
    found += printed("verify-bundle", "verify --bundle b.zip --public-key public.pem --json", 0)
    found += printed("verify-bundle", f"verify --bundle b.zip --expect {'0' * 64} --json", 1)
    with sqlite3.connect("x.db") as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE jobs SET status = 'ALTERED' WHERE id = (SELECT min(id) FROM jobs)")
        connection.execute("DELETE FROM tags_history")
    found += printed("verify", "verify --public-key public.pem --json", 1)
    found += printed("db-check", "db check --json", 1)
    with connection:
        connection.execute("UPDATE snapshots SET schema_revision = '0000' WHERE id = 1")
    found += printed("diff", "diff --json", 0)
    with connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    return [*found, *printed("db-stamp", "db stamp --dry-run --json", 1)]


def of_pruning() -> Printed:
    write_nights(NIGHTS)
    ran("--config", "c.yaml", "--database", DATABASE, "export", "--max-removals", "100%", "-q")
    found = printed("prune", "prune --older-than 2026-11-30 --keep-monthly 1 --no-vacuum --json", 0)
    found += printed("snapshots", "snapshots --json", 0)
    return [*found, *printed("diff", "diff 3 3 --json", 0), *printed("sources-list", "sources list --json", 0)]


def of_trouble() -> Printed:
    """A job that cannot be read."""
    write_nights(NIGHTS[:1])
    write_page(Path("n1"), 500, ["x-unread"], {"error_code": "DRS.M00001"}, status=500, time="2026-11-01T01:00:00Z")
    found = [*printed("plan", "plan --json", 3), *printed("export", "export --json", 3)]
    return [*found, *printed("findings", "findings --json", 0), *printed("snapshots", "snapshots --json", 0)]


def of_nothing() -> Printed:
    """No snapshot yet, and no tables."""
    write_nights(NIGHTS)
    found = [*printed("config-show", "config show --json", 0), *printed("doctor", "doctor --json", 0)]
    sqlite3.connect("x.db").close()
    Path("x.db").touch()
    found += printed("db-current", "db current --json", 0)
    ran("--database", DATABASE, "db", "upgrade", "-q")
    for name, line in [
        ("snapshots", "snapshots"), ("sources-list", "sources list"), ("findings", "findings"), ("verify", "verify"),
        ("prune", "prune --keep-daily 1"), ("db-check", "db check"), ("db-stamp", "db stamp"),
    ]:  # fmt: skip
        found += printed(name, f"{line} --json", 0)
    Path("c.yaml").unlink()
    return [*found, *[("config-show", json.loads(ran("config", "show", "--json")))]]


def of_checks() -> Printed:
    """A result that is open, waived, closed and of a rule that is not here; a check after an export."""
    night = {"a": {"name": "t", "status": "FULL_TRANSFER_FAILED"}, "b": {"status": "FULL_TRANSFER_FAILED"}}
    write_nights([night, {"b": night["b"]}, night])
    rule = (SAMPLES.parent / "inventory/report/rules/DRS-001-failed.sql").read_text()
    Path("rules").mkdir()
    Path("rules/own.sql").write_text(rule.replace("DRS-001", "TST-001").replace("name: failed", "name: own"))
    sources = "sources: [{name: s, replay: [n1]}]\n"
    Path("c.yaml").write_text(f"{sources}check: {{rules: rules, after_export: true}}\n")
    found = printed("export", "export --json", 0)
    words = "--now 2026-11-01T03:00Z --json"
    found += printed("check", f"check {words}", 0)
    waived = ["DRS-001", "a", "--reason", "r", "--until", "2099-01-01", "--by", "x"]
    ran("--config", "c.yaml", "--database", DATABASE, "check", "waive", *waived)
    Path("c.yaml").write_text("sources: [{name: s, replay: [n1, n2]}]\n")
    found += printed("check", f"check {words}", 0)
    ran("--config", "c.yaml", "--database", DATABASE, "export", "-q")
    found += printed("check", "check --json", 3) + printed("check", "check --now 2026-11-02T03:00Z --json", 0)
    found += printed("check-list", "check list --json", 0) + printed("check-history", "check history --json", 0)
    ran("--database", DATABASE, "bundle", "2", "--out", "b.zip")
    found += printed("verify-bundle", "verify --bundle b.zip --json", 0)
    return [*found, *printed("verify", "verify --checks --json", 0)]


SCENARIOS: list[Callable[[], Printed]] = [
    of_samples,
    of_changes,
    of_secrets,
    of_proof,
    of_pruning,
    of_trouble,
    of_checks,
    of_nothing,
]


@cache
def outputs(scenario: Callable[[], Printed]) -> Printed:
    """Run a scenario, once for all tests of a process."""
    return scenario()


def test_the_schemas_are_schemas(inventory: Command) -> None:
    whole = json.loads(inventory("schema", "--format", "json-schema").stdout)
    assert whole == all_documents()
    Draft202012Validator.check_schema(whole)
    assert documents().keys() == DOCUMENTS.keys() <= whole["$defs"].keys()
    for name, schema in documents().items():
        assert schema["$schema"] == whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"] == f"inventory: {name}"
        assert schema | whole["$defs"][name] == schema
        parts = schema.get("$defs", {})
        assert whole["$defs"] | parts == whole["$defs"]  # so it is a schema too
        assert {part.removeprefix("#/$defs/") for part in references(schema)} == parts.keys()
        assert json.loads(ran("schema", "--format", "json-schema", "--document", name)) == schema


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(each)


def test_the_help_names_every_document(inventory: Command) -> None:
    text = "".join(inventory("schema", "--help").stdout.split())
    assert all(name in text for name in DOCUMENTS)
    wrong = inventory("schema", "--format", "json-schema", "--document", "dif")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert inventory("schema", "--document", "diff").returncode == 64


def test_every_command_with_json_has_its_schema() -> None:
    """The description of a document names the command; that of another form of it is told apart by an option."""
    described = " ".join(DOCUMENTS.values())
    for path, command in commands(main):
        if any("--json" in option.opts for option in command.params):
            assert f"`{' '.join(path)} --json`" in described, path


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_what_is_printed_is_as_its_schema_says(scenario: Callable[[], Printed]) -> None:
    assert [fault for name, document in outputs(scenario) for fault in faults(name, document)] == []


def test_every_document_and_every_member_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that none of them is described and never validated."""
    found: dict[str, list[Any]] = {name: [] for name in DOCUMENTS}
    for scenario in SCENARIOS:
        folder = tmp_path / scenario.__name__
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name, document in outputs(scenario):
            found[name].append(document)
    assert [name for name, printed in found.items() if not printed] == []
    whole = Draft202012Validator(all_documents())
    assert [name for name, printed in found.items() if not whole.is_valid(printed[0])] == []
    found["plan"] += found["diff"]  # of the same shape
    unseen = {
        f"{name}: {path}"
        for name, schema in documents().items()
        for path in {*members(schema, schema)} - {path for each in found[name] for path in places(each)}
    }
    assert unseen == set()


def members(schema: dict[str, Any], root: dict[str, Any], at: str = "") -> Iterator[str]:
    """Yield the paths of all members that a schema describes; what depends on the table or the service aside."""
    if "$ref" in schema:
        yield from members(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
    for each in schema.get("anyOf", ()):
        yield from members(each, root, at)
    if "items" in schema and schema.get("type") is not None:
        yield from members(schema["items"], root, f"{at}[]")
    if schema.get("additionalProperties") is False:
        for name, inner in schema["properties"].items():
            yield f"{at}.{name}"
            yield from members(inner, root, f"{at}.{name}")


def places(value: Any, at: str = "") -> Iterator[str]:
    """Yield the paths of all members and items of a document, without positions."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{at}.{name}"
            yield from places(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner, f"{at}[]")


# Where anything may stand: the service's own data, and values of the configuration.
OPEN = {"extra", "evidence", "value"}
OPTIONAL = {"sources[].ignored", "sources[].schema", ".reason"}
MAPS = {"before_sensitive", "after_sensitive", "kinds", "rows", "findings"}  # objects whose members are data


def mutations(document: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what was done to a document, and the wrong document: a member less, one more, a value of another type."""
    last = at.rpartition(".")[2]
    if last == "rows[]":  # of a query: whatever it selects
        return
    if isinstance(document, dict):
        yield f"{at}: more", {**document, "not_declared": "wrong"}
        for name, value in document.items():
            if last not in MAPS and f"{last}.{name}" not in OPTIONAL:
                yield f"{at}.{name}: less", {other: each for other, each in document.items() if other != name}
            if name not in OPEN:
                wrong = "wrong" if isinstance(value, int | dict | list) else {"wrong": []}
                yield f"{at}.{name}: type", {**document, name: wrong}
                for what, inner in mutations(value, f"{at}.{name}"):
                    yield what, {**document, name: inner}
    elif isinstance(document, list):
        yield f"{at}[]: type", [*document, 7]
        for position, value in enumerate(document):
            for what, inner in mutations(value, f"{at}[]"):
                yield what, [*document[:position], inner, *document[position + 1 :]]


def shortened(value: Any) -> Any:
    """Return a document with the first items of each list, which is quicker to validate."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    return [shortened(inner) for inner in value[:3]] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "scenario", [of_changes, of_secrets, of_proof, of_pruning, of_trouble, of_checks], ids=lambda each: each.__name__
)
def test_a_wrong_document_fails(scenario: Callable[[], Printed]) -> None:
    done: set[tuple[str, str]] = set()
    passed = set()
    for name, document in outputs(scenario):
        assert not validators()[name].is_valid(None)
        for what, wrong in mutations(shortened(document)):
            if (name, what) not in done and not is_open(name, what):
                done.add((name, what))
                if validators()[name].is_valid(wrong):
                    passed.add(f"{name}{what}")
    assert passed == set()
    assert len(done) > 50


def is_open(name: str, what: str) -> bool:
    """Tell whether a place may hold anything, as the service's jobs and keys of altered rows may.

    Changes in `plan` and `log` need no second look: they are those of `diff`, and change records.
    """
    if name in ("plan", "log"):
        return ".changes[]." in what
    return (name == "show" and what.startswith(".results[]")) or (name == "verify" and ".key" in what)


def test_a_row_of_another_table_fails() -> None:
    """The table of a change decides which columns its rows have."""
    write_nights(NIGHTS)
    printed("export", "export --json --max-removals 100%", 0)
    changes = [document for _, document in printed("change-record", "diff 1 3 --format jsonl", 0)]
    assert {change["table"] for change in changes} >= {"jobs", "endpoints"}
    for change in changes:
        assert faults("change-record", change) == []
        for other in {entity.name for entity in ESTATE} - {change["table"]}:
            assert faults("change-record", {**change, "table": other})
        for action in {"create", "update", "delete"} - {change["action"]}:
            assert faults("change-record", {**change, "action": action})


def test_each_table_s_rows_are_as_the_schema_says(export: Export, database: str) -> None:
    """The changes of an invented estate have rows of every table; on both databases."""
    export(jobs="all", database=database)
    tables = set()
    for words in ("diff", "log", "snapshots", "sources list", "findings", "show", "verify", "db check"):
        document = json.loads(ran("--database", database, *words.split(), "--json"))
        assert faults(words.replace(" ", "-"), document) == []
        if words == "diff":
            tables = {change["table"] for source in document["sources"] for change in source["changes"]}
    assert tables == {entity.name for entity in ESTATE}


# One command for each exit code, with --json and --log-format json: stdout is a document or empty.


def check_output(export: Export, *words: str, code: int, name: str = "") -> None:
    """Run a command; without a name it prints no document. Stderr has an event a line."""
    done = export.inventory(
        "--config",
        "c.yaml",
        "--database",
        DATABASE,
        "--log-format",
        "json",
        *words,
        "--json",
        TOKEN=export.server.token,
    )
    assert done.returncode == code, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(isinstance(event["event"], str) for event in events)
    if not name:
        assert done.stdout == ""
        assert [event["code"] for event in events if event["event"] == "failed"] == [code]
        return
    document = json.loads(done.stdout)
    assert faults(name, document) == []
    if name == "export":
        assert document["code"] == code


def test_exit_0(export: Export) -> None:
    export.configured(jobs="all")
    check_output(export, "plan", code=0, name="plan")
    check_output(export, "export", code=0, name="export")
    check_output(export, "diff", code=0, name="diff")


def test_exit_1(export: Export, server: DrsServer) -> None:
    export.configured(jobs="all")
    check_output(export, "diff", code=1)
    check_output(export, "export", code=0, name="export")
    check_output(export, "diff", "98", "99", code=1)
    check_output(export, "verify", "--expect", "0" * 64, code=1, name="verify")
    server.faults = [Fault("status", times=None, status=403)]
    export.configured(jobs="all", retry_seconds=0)
    check_output(export, "export", code=1, name="export")
    check_output(export, "plan", code=1, name="plan")
    check_output(export, "doctor", code=1, name="doctor")


def test_exit_2(export: Export) -> None:
    export.configured(jobs="all")
    check_output(export, "plan", "--detailed-exitcode", code=2, name="plan")
    check_output(export, "export", code=0, name="export")
    check_output(export, "diff", "--fail-on", "create:jobs", code=2, name="diff")


def test_exit_3(export: Export, server: DrsServer) -> None:
    export.configured(jobs="all", retry_seconds=0)
    server.faults = [Fault("poison", times=None, job_id=min(server.jobs))]
    check_output(export, "plan", code=3, name="plan")
    check_output(export, "export", code=3, name="export")
    check_output(export, "findings", code=0, name="findings")
    check_output(export, "diff", code=0, name="diff")


def test_exit_64(export: Export) -> None:
    export.configured(jobs="all", concurrency=0)
    check_output(export, "export", code=64, name="export")
    for words in (["plan"], ["validate"], ["doctor"], ["config", "show"], ["diff"]):
        check_output(export, *words, code=64)
    export.configured(jobs="all")
    for words in (["diff", "--table", "job"], ["snapshots", "--nonsense"], ["verify", "--expect", "x"], ["prune"]):
        check_output(export, *words, code=64)


def test_exit_75(export: Export) -> None:
    export.configured(jobs="all")
    with open_store(normal_url(DATABASE), write=True) as store, source_lock(store, "live", 0, Stop()):
        check_output(export, "export", code=75, name="export")
    check_output(export, "export", code=0, name="export")
    with open_store(normal_url(DATABASE), write=True) as store, source_lock(store, "live", 0, Stop()):
        check_output(export, "prune", "--keep-daily", "1", code=75, name="prune")


def test_without_a_database_nothing_is_printed(inventory: Command) -> None:
    shutil.copytree(SAMPLES, "samples")
    for words in (
        ["diff"], ["log"], ["show"], ["snapshots"], ["sources", "list"], ["findings"], ["verify"], ["db", "check"],
        ["prune", "--keep-daily", "1"],
    ):  # fmt: skip
        done = inventory("--config", "samples/inventory.yaml", "--database", "sqlite:///no.db", *words, "--json")
        assert (done.returncode, done.stdout) == (1, ""), words
