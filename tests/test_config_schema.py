"""The JSON Schema of the configuration takes whatever the loader takes, and refuses what a schema can know."""

import json
import re
from functools import cache

import pytest
import yaml
from jsonschema import Draft202012Validator

from inventory.config.json_schema import as_markdown, as_schema
from inventory.config.keys import Configuration, SourceKeys, fields
from inventory.config.starter import STARTER
from tests import test_bad_input as bad
from tests.conftest import ROOT, Command


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(as_schema())


def schema_faults(text: str) -> list[str]:
    """Return what the schema says against a configuration."""
    document = json.loads(json.dumps(yaml.safe_load(text), default=str))  # keys are texts
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]


def test_the_schema_is_one(inventory: Command) -> None:
    document = json.loads(inventory("schema", "--format", "config-schema").stdout)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(document)
    assert document == as_schema()


def test_every_key_has_its_meaning() -> None:
    for name, part in {"": as_schema(), **as_schema()["$defs"]}.items():
        assert part["additionalProperties"] is False
        assert part["description"]
        for key, schema in part["properties"].items():
            assert schema.get("description"), f"{name}.{key}"


def test_defaults_and_secrets_are_marked() -> None:
    source, auth = as_schema()["$defs"]["SourceKeys"]["properties"], as_schema()["$defs"]["Auth"]["properties"]
    assert (source["concurrency"]["default"], source["language"]["default"]) == (8, "en-us")
    assert [key for key, schema in auth.items() if schema.get("writeOnly")] == [
        "token", "secret_key", "security_token", "password",
    ]  # fmt: skip


def test_the_starter_names_the_schema() -> None:
    assert STARTER.startswith("# yaml-language-server: $schema=inventory.schema.json\n")
    assert "inventory schema --format config-schema > inventory.schema.json" in STARTER
    assert schema_faults(STARTER) == []


# Lines that are comments: keys of the file, of a source, of its filter.
OTHERWISE = [line[1:] for line in STARTER.splitlines() if re.match(r"#( {4,6}[a-z]|  - |[a-z]+: \{)", line)]


@pytest.mark.parametrize("line", [line for line in OTHERWISE if "without auth" not in line])
def test_what_the_starter_says_in_comments_is_valid(line: str) -> None:
    given = yaml.safe_load(line.strip().removeprefix("- "))
    depth = len(line) - len(line.lstrip())
    if depth == 0:
        document = {**given, "sources": [{"name": "a", "replay": "n"}]}
    else:
        document = {"sources": [{"name": "a", **({"filter": given} if depth == 6 else given)}]}
    if given not in ({"filter": None}, {"name": "sample"}):
        assert schema_faults(json.dumps(document)) == []


def test_the_starter_has_every_key() -> None:
    for key in (*fields(Configuration), *fields(SourceKeys)):
        assert re.search(rf"\b{key}:", STARTER), key


def test_configurations_that_are_handed_out(inventory: Command) -> None:
    assert schema_faults((ROOT / "samples/inventory.yaml").read_text()) == []
    pages = [page.read_text() for page in (ROOT / "docs").rglob("*.md")]
    blocks = [
        block for page in pages for block in re.findall(r"^```yaml[^\n]*\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    ]
    whole = [block for block in blocks if re.search(r"^sources:", block, re.MULTILINE)]
    assert whole
    for block in whole:
        assert schema_faults(block) == []


# Of what the loader refuses, what no schema can know: another key, a file, the environment, a rule of ids.
UNSEEN = {
    "an id with a space", "http to elsewhere", "a port that is none", "secrets without a key", "empty", "no jobs",
    "unset variable", "twice the name", "twice the project", "http", "missing ids", "not YAML",
}  # fmt: skip
WRONG: dict[str, str] = {
    **{name: text for name, (text, _) in bad.CONFIGURATIONS.items()},
    **{name: bad.live(key, value) for name, (key, value, _, _) in bad.KEYS.items()},
    **{name: f"{text}\nsources: [{bad.LIVE}]\n" for name, (text, _, _) in bad.TOP.items()},
    "no source": "sources: []",
    "nothing": "{}",
    "no name": "sources: [{replay: [n]}]",
    "a number for a project": bad.live("project_id", "12345678901234567890123456789012"),
}


@pytest.mark.parametrize("case", sorted(WRONG.keys() - {"not YAML", "empty"}))
def test_what_the_loader_refuses_the_schema_refuses(case: str) -> None:
    assert (schema_faults(WRONG[case]) == []) == (case in UNSEEN)


@pytest.mark.parametrize("way", [
    "token", "token security_token", "access_key", "access_key secret_key domain", "username password",
    "username password domain domain_id", "user_id password domain",
])  # fmt: skip
def test_half_of_a_way_to_sign_in_is_refused(way: str) -> None:
    text = bad.live("auth", "{" + ", ".join(f"{key}: x" for key in way.split()) + "}")
    assert (schema_faults(text) == []) == (way == "token")


def test_the_table_of_keys_is_that_of_the_page(inventory: Command) -> None:
    printed = inventory("schema", "--format", "config-markdown").stdout
    assert printed == "\n".join(as_markdown()) + "\n"
    assert f"<!-- keys -->\n\n{printed}\n<!-- end of keys -->" in (ROOT / "docs/reference/configuration.md").read_text()


def test_the_table_of_keys_has_unit_and_range() -> None:
    rows = {line.split(" | ")[0].strip("|` "): line.strip("| ").split(" | ") for line in [*as_markdown()][2:]}
    assert rows["sources[].timeout"][1:5] == ["number", "`30`", "seconds", "0.1 to 3,600"]
    assert rows["sources[].name"][1] == "text; required"
    assert rows["sources[].auth.secret_key"][1] == "text; secret"
    numbers = [row for row in rows.values() if row[1].split(",")[0] in ("number", "whole number")]
    assert numbers
    assert all(row[3].strip() and " to " in row[4] for row in numbers)
