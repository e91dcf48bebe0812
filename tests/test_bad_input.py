"""Bad input ends in one clear message and the contract's exit code: never a traceback, a secret, or half a database."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from inventory.mock import DrsServer
from tests.conftest import Command, write_page
from tests.live import Export

SECRET = "t0ken-value"
LIVE = f"{{name: a, region: cn-north-4, project_id: p, auth: {{token: {SECRET}}}, jobs: [x]}}"
REPLAY = "sources: [{name: s, replay: [n]}]\n"

CONFIGURATIONS = {
    "not YAML": ("sources: [", "not YAML"),
    "empty": ("", "empty"),
    "a list": ("[1]", "keys are needed"),
    "a source without keys": ("sources: [{}]", "c.yaml:1: sources[0]: the key name is needed"),
    "unknown key": (f"databse: x\nsources: [{LIVE}]", "c.yaml:1: databse: unknown key. Did you mean 'database'?"),
    "unset variable": (f"database: ${{NOT_SET}}\nsources: [{LIVE}]", "NOT_SET is not set"),
    "wrong type": (f"defaults: {{page_size: many}}\nsources: [{LIVE}]", "whole number from 0 to 100"),
    "no jobs": ("sources: [{name: a, region: r, project_id: p, auth: {token: t}}]", "needs jobs"),
    "twice the name": (f"sources: [{LIVE}, {LIVE.replace('project_id: p', 'project_id: q')}]", "the same name"),
    "twice the project": (f"sources: [{LIVE}, {LIVE.replace('name: a', 'name: b')}]", "the same project and region"),
    "http": (f"sources: [{LIVE.replace('region: cn-north-4', 'endpoint: http://example.com')}]", "use https"),
    "no such column": (f"redact: [jobs.nam]\nsources: [{LIVE}]", "Did you mean 'jobs.name'?"),
    "missing ids": (f"sources: [{LIVE.replace('[x]', '{file: no.txt}')}]", "no.txt cannot be read"),
}

AUTH = "a token, or access_key and secret_key, or username, password and domain are needed"


def live(key: str, value: str) -> str:
    """Return a configuration with one key of its source as given, on line 3."""
    keys = {"region": "cn-north-4", "project_id": "p", "auth": f"{{token: {SECRET}}}", "jobs": "all"}
    others = ", ".join(f"{name}: {text}" for name, text in keys.items() if name != key)
    return f"sources:\n  - {{name: a, {others},\n     {key}: {value}}}\n"


KEYS = {  # what is wrong with one key of a source, where it is told, and how
    "no auth member": ("auth", "{}", "auth", AUTH),
    "half a key": ("auth", f"{{secret_key: {SECRET}}}", "auth", AUTH),
    "no domain": ("auth", f"{{username: u, password: {SECRET}}}", "auth", AUTH),
    "a token and a key": ("auth", f"{{token: {SECRET}, access_key: {SECRET}}}", "auth", AUTH),
    "a key and a password": ("auth", f"{{access_key: a, secret_key: {SECRET}, password: {SECRET}}}", "auth", AUTH),
    "a security token alone": ("auth", f"{{token: t, security_token: {SECRET}}}", "auth", AUTH),
    "auth is a text": ("auth", SECRET, "auth", "keys are needed here"),
    "auth's unknown key": ("auth", f"{{token: {SECRET}, secretkey: {SECRET}}}", "auth.secretkey", "'secret_key'?"),
    "an empty token": ("auth", '{token: ""}', "auth.token", "a text is needed"),
    "a token of two lines": ("auth", f'{{token: "{SECRET}\\n{SECRET}"}}', "auth.token", "not allowed in a header"),
    "a token in Chinese": ("auth", f"{{token: {SECRET}令牌}}", "auth.token", "not allowed in a header"),
    "jobs is a word": ("jobs", "every", "jobs", "all, a list of job ids"),
    "jobs in capitals": ("jobs", "All", "jobs", "all, a list of job ids"),
    "jobs is a number": ("jobs", "7", "jobs", "all, a list of job ids"),
    "jobs with another key": ("jobs", "{path: x}", "jobs.path", "unknown key"),
    "an id that is a number": ("jobs", "[1]", "jobs[0]", "put it in quotes"),
    "an id with a space": ("jobs", '["a b"]', "jobs[0]", "not a job id"),
    "except is a word": ("except", "x", "except", "is needed"),
    "children is a word": ("children", "perhaps", "children", "true or false"),
    "filter is a list": ("filter", "[x]", "filter", "keys are needed"),
    "filter's unknown key": ("filter", "{state: x}", "filter.state", "Did you mean 'status'?"),
    "filter without values": ("filter", "{status: []}", "filter.status", "a list of status"),
    "tags is a list": ("filter", "{tags: [a]}", "filter.tags", "key: value"),
    "a tag without a value": ("filter", "{tags: {a: [x]}}", "filter.tags.a", "a text is needed"),
    "enterprise project is empty": ("filter", '{enterprise_project_id: ""}', "filter.enterprise_project_id", "a text"),
    "plain_http is a word": ("plain_http", "sometimes", "plain_http", "true or false"),
    "http to elsewhere": ("endpoint", "http://example.com", "endpoint", "use https"),
    "no scheme": ("endpoint", "drs.example.com", "endpoint", "not an address such as"),
    "another scheme": ("endpoint", "ftp://example.com", "endpoint", "not an address such as"),
    "a password in it": ("endpoint", f"https://u:{SECRET}@example.com", "endpoint", "give those under auth"),
    "a query in it": ("iam_endpoint", f'"https://example.com/?t={SECRET}"', "iam_endpoint", "a query or a fragment"),
    "a port that is none": ("endpoint", "https://example.com:99999", "endpoint", "not an address"),
    "no host": ("endpoint", "https://", "endpoint", "not an address such as"),
    "a region with a slash": ("region", "cn/../x", "region", "a region such as"),
    "a project with a slash": ("project_id", "a/b", "project_id", "a project id"),
    "deadline": ("deadline", "soon", "deadline", "such as 90s, 30m, 6h"),
    "concurrency": ("concurrency", "1.5", "concurrency", "whole number from 1 to 64"),
    "a rate of none": ("requests_per_second", "0", "requests_per_second", "from 0.01 to 10000"),
    "a rate that is no number": ("requests_per_second", "nan", "requests_per_second", "from 0.01 to 10000"),
    "retry_seconds": ("retry_seconds", "-1", "retry_seconds", "from 0 to 86400"),
    "max_body_mib": ("max_body_mib", "0", "max_body_mib", "from 1 to 100000"),
    "language": ("language", "de", "language", "en-us, zh-cn"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEYS)
def test_each_key_of_a_source_is_told_with_its_place(tmp_path: Path, inventory: Command, case: str) -> None:
    key, value, place, said = KEYS[case]
    (tmp_path / "c.yaml").write_text(live(key, value))
    done = inventory("--config", "c.yaml", "validate")
    assert done.returncode == 64, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: c.yaml:3: sources[0].{place}: ")
    assert said in line
    assert SECRET not in line


TOP = {
    "parallel": ("parallel: 0", "parallel", "whole number from 1 to 64"),
    "ping is a text": (f"ping: https://example.com/{SECRET}", "ping", "keys are needed"),
    "ping's unknown key": (f"ping: {{sucess: https://example.com/{SECRET}}}", "ping.sucess", "Did you mean 'success'?"),
    "ping without scheme": (f"ping: {{failure: example.com/{SECRET}}}", "ping.failure", "not an address such as"),
    "defaults' name": ("defaults: {name: x}", "defaults.name", "unknown key"),
    "secrets": ("secrets: hash", "secrets", "fingerprint, mask"),
    "secrets without a key": ("secrets: fingerprint", "secrets", "INVENTORY_FINGERPRINT_KEY"),
}


@pytest.mark.parametrize("case", TOP)
def test_each_key_at_the_top_is_told_with_its_place(tmp_path: Path, inventory: Command, case: str) -> None:
    text, place, said = TOP[case]
    (tmp_path / "c.yaml").write_text(f"{text}\nsources: [{LIVE}]\n")
    done = inventory("--config", "c.yaml", "validate")
    assert done.returncode == 64, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: c.yaml:1: {place}: ")
    assert said in line
    assert SECRET not in line


@pytest.mark.parametrize(
    ("keys", "line", "place", "said"),
    [
        ("jobs: {file: \"-\"}", 3, "sources[1].jobs", "standard input is read already on line 2"),
        ("jobs: [x], filter: {name: x}", 2, "sources[0].filter", "it needs jobs: all"),
        ("jobs: [x], children: true", 2, "sources[0].children", "it needs jobs: all"),
    ],
)  # fmt: skip
def test_keys_that_do_not_go_together(
    tmp_path: Path, inventory: Command, keys: str, line: int, place: str, said: str
) -> None:
    one = f"{{name: a, region: r, project_id: p, auth: {{token: {SECRET}}}, {keys}}}"
    other = one.replace("name: a", "name: b").replace("project_id: p", "project_id: q")
    (tmp_path / "c.yaml").write_text(f"sources:\n  - {one}\n  - {other}\n")
    done = inventory("--config", "c.yaml", "validate")
    assert done.returncode == 64
    assert f"c.yaml:{line}: {place}: " in done.stderr
    assert said in done.stderr
    assert SECRET not in done.stderr


KEY_PAIR = ("MOCKACCESSKEY0000001", "mock-secret-key")
USER = ("rehearsal", "mock-password", "mock-domain")
FOUND = {
    "HW_ACCESS_KEY": dict(zip(("HW_ACCESS_KEY", "HW_SECRET_KEY"), KEY_PAIR, strict=True)),
    "HUAWEICLOUD_SDK_AK": dict(zip(("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"), KEY_PAIR, strict=True)),
    "OS_USERNAME": dict(zip(("OS_USERNAME", "OS_PASSWORD", "OS_DOMAIN_NAME"), USER, strict=True)),
    "HW_AUTH_TOKEN": {"HW_AUTH_TOKEN": "mock-token", "OS_USERNAME": "another", "OS_PASSWORD": SECRET},
    "~/.huaweicloud/credentials": {"HW_ACCESS_KEY": "half"},
}


@pytest.mark.parametrize("origin", FOUND)
def test_credentials_of_the_machine_are_used_and_named(
    server: DrsServer, export: Export, tmp_path: Path, origin: str
) -> None:
    (tmp_path / ".huaweicloud").mkdir()
    (tmp_path / ".huaweicloud/credentials").write_text("[basic]\nak = {}\nsk = {}\n".format(*KEY_PAIR))
    export.configured(region=server.region)
    document = json.loads((tmp_path / "c.yaml").read_text())
    del document["sources"][0]["auth"]
    (tmp_path / "c.yaml").write_text(json.dumps(document))
    environment = {"HOME": str(tmp_path), **FOUND[origin]}
    done = export.inventory("--config", "c.yaml", "-v", "export", **environment)
    assert done.returncode == 0, done.stderr
    assert re.search(f"origin=.?{re.escape(origin)}", done.stderr)
    said = export.inventory("--config", "c.yaml", "doctor", **environment).stdout
    assert f" from {origin}\n" in said
    for secret in (SECRET, "mock-secret-key", "mock-password", "mock-token"):
        assert secret not in done.stdout + done.stderr + said


def test_half_a_credential_of_the_machine_is_told(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text("sources: [{name: a, region: r, jobs: all}]")
    done = inventory("--config", "c.yaml", "validate", HOME=str(tmp_path), HW_SECRET_KEY=SECRET)
    assert done.returncode == 64
    assert "c.yaml:1: sources[0]: HW_SECRET_KEY is set, but HW_ACCESS_KEY is not" in done.stderr
    assert SECRET not in done.stderr
    done = inventory("--config", "c.yaml", "validate", HOME=str(tmp_path))
    assert (done.returncode, "a source needs auth" in done.stderr) == (64, True)


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_wrong_configuration_is_told_with_its_place(tmp_path: Path, inventory: Command, case: str) -> None:
    text, said = CONFIGURATIONS[case]
    (tmp_path / "c.yaml").write_text(text)
    for command in ("validate", "export"):
        done = inventory("--config", "c.yaml", command)
        assert done.returncode == 64, done.stdout + done.stderr
        assert said in done.stderr
        assert "c.yaml:" in done.stderr
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stderr
    assert not (tmp_path / "inventory.db").exists()


def test_every_fault_is_told_at_once(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text(f"colour: red\nsecrets: maybe\nsources: [{LIVE}]\nretention: {{keep_daily: x}}\n")
    told = inventory("--config", "c.yaml", "validate").stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == ["c.yaml:1", "c.yaml:2", "c.yaml:4"]


def test_who_only_reads_needs_no_credentials(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text(f"sources: [{LIVE.replace(SECRET, chr(34) + '${NOT_SET}' + chr(34))}]")
    done = inventory("--config", "c.yaml", "diff")
    assert (done.returncode, "does not exist" in done.stderr) == (1, True)
    assert not (tmp_path / "inventory.db").exists()


@pytest.mark.parametrize(
    ("database", "code"),
    [("mysql://h/x", 64), ("nothing", 64), ("sqlite://", 64), ("sqlite:///.", 1), ("sqlite:///no/x.db", 1),
     ("sqlite:///text.db", 1), ("sqlite:///future.db", 1), ("postgresql://u:t0ken-value@127.0.0.1:1/x", 1)],
)  # fmt: skip
def test_a_database_that_cannot_be_used(tmp_path: Path, inventory: Command, database: str, code: int) -> None:
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be read as one" * 20)
    with sqlite3.connect(tmp_path / "future.db") as future:
        future.executescript(
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999')"
        )
    future.close()
    before = {file: file.read_bytes() for file in tmp_path.glob("*.db")}
    (tmp_path / "c.yaml").write_text(REPLAY.replace("{", "{retry_seconds: 0, "))
    write_page(tmp_path / "n", 1, ["j"], {"count": 0, "results": []})
    for command in ("export", "diff", "snapshots", "show"):
        done = inventory("--config", "c.yaml", "--database", database, command)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stderr
    assert {file: file.read_bytes() for file in tmp_path.glob("*.db")} == before


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"a": 1}', b"\xff\xfe", b"[" * 100000, b'{"time": NaN}'])
def test_a_recording_that_cannot_be_read(tmp_path: Path, inventory: Command, content: bytes | None) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY)
    for name in ("0001.json", "0002.json.gz"):
        if content is not None:
            (tmp_path / "n").mkdir(exist_ok=True)
            (tmp_path / "n" / name).write_bytes(content)
    done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("error: s: ")
    assert ("0001.json" in done.stderr) == (content is not None)
    assert "Traceback" not in done.stderr
    assert "no snapshot" in inventory("--config", "c.yaml", "snapshots").stdout


WRONG = ("diff yesterday", "diff --table t", "nonsense", "show --no", "export --source x", "export --max-removals lots")


@pytest.mark.parametrize("arguments", [line.split() for line in WRONG])
def test_a_wrong_command_line_is_64(tmp_path: Path, inventory: Command, arguments: list[str]) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY)
    write_page(tmp_path / "n", 1, ["j"], {"count": 1, "results": [{"id": "j", "name": "n"}]})
    assert inventory("--config", "c.yaml", "export").returncode == 0
    done = inventory("--config", "c.yaml", *arguments)
    assert done.returncode == 64, done.stderr
    assert "Traceback" not in done.stderr


def test_an_older_recording_is_refused(tmp_path: Path, inventory: Command) -> None:
    job = {"count": 1, "results": [{"id": "j", "name": "n"}]}
    for folder, day in (("n", "2026-11-02"), ("old", "2026-11-01")):
        write_page(tmp_path / folder, 1, ["j"], job, time=f"{day}T01:00:00Z")
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n, old]}]\n")
    done = inventory("--config", "c.yaml", "export")
    assert (done.returncode, "before the last snapshot" in done.stderr) == (1, True)
