"""`doctor` tells beforehand what the night would meet, on both databases, and writes nothing."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from inventory.config.load import normal_url
from inventory.mock import DrsServer, Fault, apply_scenarios
from tests.conftest import Command, write_page
from tests.live import Export
from tests.next_version import NextVersion
from tests.test_lock import held
from tests.web import Tunnel

KEYS = {"access_key": "MOCKACCESSKEY0000001", "secret_key": "mock-secret-key"}
WRONG = "wr0ng-value"
Told = dict[tuple[str, str], tuple[str, str]]


def lines(done: "subprocess.CompletedProcess[str]") -> Told:
    """Return what was told: subject and what -> state and words."""
    assert "Traceback" not in done.stderr
    assert WRONG not in done.stdout + done.stderr
    found: Told = {}
    for line in done.stdout.splitlines():
        state, subject, what, said = line.split(maxsplit=3)
        found[subject, what] = state, said
    assert done.returncode == (1 if any(state == "fail" for state, _ in found.values()) else 0)
    return found


def examined(export: Export, *options: str, database: str = "sqlite:///x.db", **keys: Any) -> Told:
    export.configured(**keys)
    command = ("--config", "c.yaml", "--database", database, *options, "doctor")
    return lines(export.inventory(*command, TOKEN=export.server.token))


def run(database: str, *statements: str) -> None:
    engine = create_engine(normal_url(database))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_all_is_well(export: Export, inventory: Command, database: str) -> None:
    told = examined(export, database=database)
    live = ("credentials", "project", "endpoint", "clock", "list", "batch-detail", "lock")
    assert [what for subject, what in told if subject == "live"] == list(live)
    assert {state for state, _ in told.values()} == {"ok"}
    assert told["database", "privileges"][1] == "may read and write"
    assert (("database", "disk") in told) == database.startswith("sqlite")


@pytest.mark.empty_database
def test_quiet_says_nothing_where_all_is_well(export: Export, tmp_path: Path) -> None:
    assert examined(export, "-q") == {}
    assert not (tmp_path / "x.db").exists()


@pytest.mark.empty_database
def test_nothing_is_written(export: Export, tmp_path: Path) -> None:
    told = examined(export)
    assert told["database", "file"][0] == "ok"
    assert "does not exist yet" in told["database", "file"][1]
    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"]
    export()
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    examined(export)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


SIGN_IN = {
    "token": ({"token": WRONG}, "get a new one"),
    "secret key": (KEYS | {"secret_key": WRONG}, "the secret key is wrong"),
    "access key": (KEYS | {"access_key": "ANOTHER"}, "The access key"),
    "password": ({"username": "rehearsal", "password": WRONG, "domain": "mock-domain"}, "The user name, the password"),
}


@pytest.mark.parametrize("case", SIGN_IN)
def test_a_wrong_credential_is_tried_once(server: DrsServer, export: Export, case: str) -> None:
    auth, said = SIGN_IN[case]
    state, words = examined(export, auth=auth)["live", "sign-in"]
    assert (state, said in words) == ("fail", True), words
    assert len(server.requests) == 1


def test_a_clock_that_is_wrong(server: DrsServer, export: Export) -> None:
    apply_scenarios(server, ["clock-skew"])
    told = examined(export, auth=KEYS)
    assert told["live", "sign-in"][0] == "fail"
    assert "clock" in told["live", "sign-in"][1]
    told = examined(export)  # a token bears it
    assert told["live", "clock"][0] == "warn"
    assert told["live", "batch-detail"][0] == "ok"
    server.clock_skew = 120
    assert examined(export, auth=KEYS)["live", "clock"][0] == "warn"


def test_who_may_not_read_is_told_for_each_call(server: DrsServer, export: Export) -> None:
    apply_scenarios(server, ["denied"])
    told = examined(export)
    for call in ("list", "batch-detail"):
        assert told["live", call] == ("fail", "HTTP 403 DRS.M00102: the user needs a policy that allows to read DRS")


def test_a_project_that_is_not_there(export: Export) -> None:
    told = examined(export, project_id="f" * 32)
    assert told["live", "list"] == ("fail", "HTTP 403 DRS.M00261: project_id is wrong, or belongs to another region")


def test_a_project_that_is_looked_for(server: DrsServer, export: Export) -> None:
    export.configured(region=server.region)
    document = json.loads((export.folder / "c.yaml").read_text())
    del document["sources"][0]["project_id"]
    (export.folder / "c.yaml").write_text(json.dumps(document))
    told = lines(export.inventory("--config", "c.yaml", "doctor", TOKEN=server.token))
    assert told["live", "project"] == ("ok", f"{server.project_id}, found from the region")
    (export.folder / "c.yaml").write_text(json.dumps(document).replace(server.region, "cn-nowhere-1"))
    told = lines(export.inventory("--config", "c.yaml", "doctor", TOKEN=server.token))
    assert told["live", "sign-in"][0] == "fail"
    assert "Give project_id" in told["live", "sign-in"][1]


def test_nobody_there(server: DrsServer, export: Export) -> None:
    server.stop()
    state, said = examined(export)["live", "endpoint"]
    assert (state, said) == ("fail", f"{server.url}: connection refused")


def test_the_way_to_the_service_is_told(
    server: DrsServer, export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@127.0.0.1:port")
    for endpoint in ("https://drs.example", "https://[::1]:9/base"):
        state, said = examined(export, endpoint=endpoint)["live", "endpoint"]
        assert (state, "HTTPS_PROXY" in said, "hush" in said) == ("fail", True, False)
    monkeypatch.setenv("NO_PROXY", "::1/128")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    state, said = examined(export, endpoint="https://[::1]:9")["live", "endpoint"]
    assert state == "fail"
    assert f"SSL_CERT_FILE: {tmp_path}/missing.pem: No such file or directory" in said
    with Tunnel(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:hush@{proxy.address}")
        state, said = examined(export)["live", "endpoint"]
        assert state == "fail"
        assert said.startswith(f"{server.url} through the proxy {proxy.address} (HTTP_PROXY): ")
        assert "hush" not in said
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    state, said = examined(export)["live", "endpoint"]
    assert (state, said.startswith(f"{server.url} answers in ")) == ("ok", True)


def test_a_page_for_people_is_no_permission(server: DrsServer, export: Export) -> None:
    server.faults.append(Fault("html", times=None))
    state, said = examined(export)["live", "list"]
    assert (state, "check endpoint" in said) == ("fail", True)


def test_recordings(export: Export, inventory: Command, tmp_path: Path) -> None:
    write_page(tmp_path / "good", 1, ["j"], {"count": 1, "results": [{"id": "j", "name": "n"}]})
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [good]}, {name: t, replay: [none]}]")
    told = lines(inventory("--config", "c.yaml", "doctor"))
    assert told["s", "recording"] == ("ok", "good answers for 1 job")
    assert told["t", "recording"][0] == "fail"
    assert "none cannot be read" in told["t", "recording"][1]


@pytest.mark.empty_database
def test_a_database_without_tables(export: Export, database: str, tmp_path: Path) -> None:
    if database.startswith("sqlite"):
        (tmp_path / "inventory.db").touch()
    state, said = examined(export, database=database)["database", "revision"]
    if database.startswith("sqlite"):
        assert (state, "export upgrades the file" in said) == ("warn", True)
    else:
        assert (state, "Run `inventory db upgrade`" in said) == ("fail", True)


def test_another_revision(
    export: Export, inventory: Command, database: str, tmp_path: Path, next_version: NextVersion
) -> None:
    assert inventory("--database", database, "db", "upgrade").returncode == 0
    export.configured()
    words = ("--config", str(tmp_path / "c.yaml"), "--database", database)
    older = next_version.ran(
        *words, "doctor", code=0 if database.startswith("sqlite") else 1, TOKEN=export.server.token
    )
    assert ("export upgrades the file" if database.startswith("sqlite") else "Run `inventory db upgrade`") in older
    next_version.ran(*words, "db", "upgrade")
    assert examined(export, database=database)["database", "revision"][0] == "fail"
    assert "install that version" in examined(export, database=database)["database", "revision"][1]


RIGHTS = {  # what is taken from a user, and how it is told
    "INSERT, DELETE ON jobs": "INSERT, DELETE on table jobs",
    "USAGE ON SEQUENCE snapshots_id_seq": "USAGE on sequence snapshots_id_seq",
    "TEMP ON DATABASE {database}": "TEMP on the database {database}",
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_user_who_lacks_a_right(export: Export, inventory: Command, postgresql: str, right: str) -> None:
    assert inventory("--database", postgresql, "db", "upgrade").returncode == 0
    url = make_url(normal_url(postgresql))
    user, named = f"limited_{url.database}", right.format(database=url.database)
    run(
        postgresql,
        f"CREATE ROLE {user} LOGIN",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, public_internal TO {user}",
        f"GRANT USAGE ON SCHEMA public_internal TO {user}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}",
        f"REVOKE {named} FROM PUBLIC, {user}",
    )
    limited = url.set(username=user).render_as_string(hide_password=False)
    state, said = examined(export, database=limited)["database", "privileges"]
    needed = "Grants needed: `inventory db grants --role writer`"
    assert (state, said) == ("fail", f"missing {RIGHTS[right].format(database=url.database)}. {needed}")
    export(database=limited, code=1)
    run(postgresql, f"GRANT {named} TO {user}")
    assert examined(export, database=limited)["database", "privileges"][0] == "ok"
    export(database=limited)
    run(postgresql, f"DROP OWNED BY {user}", f"DROP ROLE {user}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root ignores permissions")
def test_a_folder_that_cannot_be_written(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    state, said = examined(export, database=f"sqlite:///{folder}/x.db")["database", "file"]
    assert (state, said.endswith("its folder is not writable")) == ("fail", True)


def test_a_folder_that_is_not_there(export: Export, tmp_path: Path) -> None:
    told = examined(export, database=f"sqlite:///{tmp_path}/none/x.db")
    state, said = told["database", "file"]
    assert (state, said.endswith("its folder is not writable")) == ("fail", True)


def test_a_lock_that_is_held(export: Export, inventory: Command, database: str) -> None:
    assert inventory("--database", database, "db", "upgrade").returncode == 0
    with held(database, "live"):
        state, said = examined(export, database=database)["live", "lock"]
    assert state == "warn"
    assert said.startswith("held by export, pid ")
    assert examined(export, database=database)["live", "lock"] == ("ok", "free")


@pytest.mark.parametrize("database", ["postgresql://u:wr0ng-value@127.0.0.1:1/x", "sqlite:///text.db"])
def test_a_database_that_is_none(export: Export, tmp_path: Path, database: str) -> None:
    (tmp_path / "text.db").write_text("not a database at all" * 200)
    assert examined(export, database=database)["database", "connection"][0] == "fail"
    assert (tmp_path / "text.db").read_text().startswith("not a database")
