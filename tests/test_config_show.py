"""`config show`: every key in force with its value and origin, and no secret, wherever it came from."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inventory.config.keys import Configuration, SourceKeys, fields
from inventory.proof.signature import SigningKey
from tests.conftest import Command, ran

PLANTED = "Planted-Secret"  # every secret of these tests has it
PEM = Path("key.pem")
KEYS = {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": f"{PLANTED}-1"}


def shown(*words: str) -> dict[str, tuple[Any, Any]]:
    """Return key -> (value, origin in short)."""
    document = json.loads(ran("config", "show", "--json", *words))
    assert document["format_version"] == "1.0"
    return {each["key"]: (each["value"], short(each["from"])) for each in document["keys"]}


def short(origin: dict[str, Any]) -> Any:
    where = origin["line"] or origin["name"] or origin["kind"]
    return (where, *origin["references"]) if origin["references"] else where


def configured(text: str) -> None:
    Path("inventory.yaml").write_text(text)
    Path("inventory.yaml").chmod(0o600)


def test_values_come_from_the_file_and_from_defaults() -> None:
    configured(
        "parallel: 3\n"
        "defaults:\n"
        "  timeout: 45\n"
        "  page_size: 5\n"
        "sources:\n"
        "  - name: one\n"
        "    replay: night\n"
        "    page_size: 7\n"
        "  - {name: two, replay: [a, b]}\n"
        "diff: {ignore: [jobs.update_time]}\n"
    )
    found = shown()
    assert found["parallel"] == (3, 1)
    assert found["workers"] == (2, "default")
    assert found["deadline"] == (21600, "default")
    assert found["diff.ignore"] == (["jobs.update_time"], 10)
    assert found["retention.keep_daily"] == (None, "unset")
    assert (found["sources[0].timeout"], found["sources[1].timeout"]) == ((45, 3), (45, 3))
    assert (found["sources[0].page_size"], found["sources[1].page_size"]) == ((7, 8), (5, 4))
    assert (found["sources[0].replay"], found["sources[1].replay"]) == (("night", 7), (["a", "b"], 9))
    assert found["sources[0].concurrency"] == (8, "default")


def test_every_key_is_shown() -> None:
    configured("sources: [{name: one, replay: night}]")
    found = {key.partition(".")[0] for key in shown() if not key.startswith("sources")}
    assert found == fields(Configuration).keys() - {"sources", "defaults"}
    assert {key.split(".")[1] for key in shown() if key.startswith("sources[0].")} == fields(SourceKeys).keys()


def test_values_come_from_variables_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(
        "database: ${URL:-sqlite:///x.db}\n"
        "parallel: ${MANY}\n"
        "sources:\n"
        "  - name: one\n"
        "    region: ${file:region.txt}\n"
        "    auth: {token: '${TOKEN}'}\n"
        "    jobs: ['${ID}', j2]\n"
    )
    Path("region.txt").write_text("cn-north-4")
    for name, value in (("MANY", "5"), ("ID", "j1"), ("TOKEN", PLANTED)):
        monkeypatch.setenv(name, value)
    found = shown()
    assert found["database"] == ("sqlite:///x.db", (1, "the default of variable URL"))
    assert found["parallel"] == (5, (2, "variable MANY"))
    assert found["sources[0].region"] == ("cn-north-4", (5, "file region.txt"))
    assert found["sources[0].auth.token"] == ("***", (6, "variable TOKEN"))
    assert found["sources[0].jobs"] == (["j1", "j2"], (7, "variable ID"))
    assert found["sources[0].endpoint"] == ("https://drs.cn-north-4.myhuaweicloud.com", "region")
    assert found["sources[0].iam_endpoint"] == ("https://iam.cn-north-4.myhuaweicloud.com", "region")
    monkeypatch.setenv("URL", "sqlite:///y.db")
    assert shown()["database"] == ("sqlite:///y.db", (1, "variable URL"))


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    configured("sources: [{name: one, region: cn-north-4, jobs: all}]")
    more = {
        "HW_PROJECT_NAME": "cn-north-4_team", "HW_AUTH_URL": "https://iam.example/v3",
        "HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4": "drs.example", "INVENTORY_DATABASE_URL": "sqlite:///theirs.db",
    }  # fmt: skip
    for name, value in (KEYS | more).items():
        monkeypatch.setenv(name, value)
    found = shown()
    assert found["sources[0].auth.access_key"] == ("AK", "HW_ACCESS_KEY")
    assert found["sources[0].auth.secret_key"] == ("***", "HW_SECRET_KEY")
    assert found["sources[0].project_name"] == ("cn-north-4_team", "HW_PROJECT_NAME")
    assert found["sources[0].endpoint"] == ("https://drs.example", "HUAWEICLOUD_SDK_REGION_DRS_CN_NORTH_4")
    assert found["sources[0].iam_endpoint"] == ("https://iam.example", "HW_AUTH_URL")
    assert found["database"] == ("sqlite:///theirs.db", "INVENTORY_DATABASE_URL")
    assert shown("--database", "sqlite:///mine.db")["database"] == ("sqlite:///mine.db", "--database")


def test_credentials_come_from_the_sdk_s_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured("sources: [{name: one, region: cn-north-4, jobs: all}]")
    file = tmp_path / "credentials"
    file.write_text(f"[basic]\nak = AK\nsk = {PLANTED}\n")
    file.chmod(0o600)
    monkeypatch.setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", str(file))
    assert shown()["sources[0].auth.secret_key"] == ("***", str(file))


def test_what_is_shown_is_what_the_export_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source's own project replaces the other form of it under `defaults`."""
    configured(
        "defaults: {project_id: p1, region: cn-north-4, jobs: all}\n"
        "sources:\n"
        "  - {name: one, project_name: cn-north-4_x}\n"
    )
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    found = shown()
    assert found["sources[0].project_id"] == (None, "unset")
    assert found["sources[0].project_name"] == ("cn-north-4_x", 3)


SECRETS = f"""\
database: postgresql://user:{PLANTED}-db@db.example/inv?sslpassword={PLANTED}-ssl
ping: {{start: "https://ping.example/{PLANTED}", success: "${{PING}}", failure: "${{file:failure.txt}}"}}
secrets: fingerprint
signing: {{key: "${{file:key.pem}}"}}
sources:
  - {{name: a, region: cn-north-4, jobs: all, auth: {{token: {PLANTED}-token}}, filter: {{name: "{PLANTED}-token*"}}}}
  - name: b
    region: cn-north-1
    jobs: all
    auth: {{access_key: AK, secret_key: "${{SK}}", security_token: {PLANTED}-st}}
  - {{name: c, region: cn-north-9, jobs: all, auth: {{username: u, password: "${{file:pw.txt}}", domain: d}}}}
  - {{name: d, region: cn-east-3, jobs: all}}
"""


@pytest.mark.parametrize("style", [[], ["--json"], ["-v"], ["--no-env"], ["--no-env", "--json"], ["-o", "out.txt"]])
def test_no_secret_is_shown(inventory: Command, tmp_path: Path, style: list[str]) -> None:
    configured(SECRETS)
    pem = private_key()
    for name, text in (("failure.txt", f"https://ping.example/{PLANTED}-2"), ("pw.txt", PLANTED), ("key.pem", pem)):
        (tmp_path / name).write_text(text)
    variables = KEYS | {
        "PING": f"https://ping.example/{PLANTED}-3", "SK": f"{PLANTED}-sk", "INVENTORY_FINGERPRINT_KEY": f"{PLANTED}-f",
    }  # fmt: skip
    done = inventory("config", "show", *style, **variables)
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "out.txt").read_text() if "-o" in style else ""
    said = done.stdout + done.stderr + written
    assert "sources[2].auth.password" in said
    assert PLANTED not in said
    assert not [line for line in pem.splitlines() if line in said]
    assert "postgresql://user@db.example/inv" in said
    named = inventory("config", "show", "--database", f"postgresql://u:{PLANTED}@h/d", *style, **variables)
    assert PLANTED not in named.stdout + named.stderr
    wrong = inventory("config", "show", "--database", f"postgresql://u:{PLANTED}@h:x/d", *style, **variables)
    assert (wrong.returncode, PLANTED in wrong.stdout + wrong.stderr) == (64, False)


def private_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert SigningKey(pem)
    return pem


def test_a_wrong_file_is_told_as_everywhere(inventory: Command) -> None:
    configured(f"timeoutt: 3\nsources: [{{name: a, auth: {{token: {PLANTED}}}, concurrency: {PLANTED}}}]")
    done = inventory("config", "show")
    assert (done.returncode, done.stdout) == (64, "")
    assert "inventory.yaml:1: timeoutt: unknown key" in done.stderr
    assert PLANTED not in done.stderr


def test_without_variables_the_rest_is_shown(inventory: Command) -> None:
    configured("parallel: ${MANY}\nsources: [{name: a, region: cn-north-4, jobs: all, auth: {token: '${TOKEN}'}}]")
    assert inventory("config", "show").returncode == 64
    found = shown("--no-env")
    assert found["sources[0].auth.token"] == (None, (2, "variable TOKEN, not read"))
    assert found["sources[0].region"] == ("cn-north-4", 2)
    assert found["parallel"][1] == (1, "variable MANY, not read")
    assert found["parallel"][0] is None


def test_the_file_and_what_named_it(inventory: Command, tmp_path: Path) -> None:
    configured("sources: [{name: one, replay: night}]")
    assert "The configuration is inventory.yaml, in this folder." in ran("config", "show")
    assert "named by --config" in ran("--config", "inventory.yaml", "config", "show")
    by_variable = inventory("config", "show", INVENTORY_CONFIG="inventory.yaml")
    assert "named by variable INVENTORY_CONFIG" in by_variable.stdout
    (tmp_path / "inventory.yaml").unlink()
    assert "There is no configuration; these are the defaults." in ran("config", "show")
    assert shown()["database"] == ("sqlite:///inventory.db", "default")
    assert inventory("--config", "missing.yaml", "config", "show").returncode == 64


def test_hostile_text_is_harmless() -> None:
    configured('sources: [{name: one, replay: "a\\e[2Jb"}]')
    text = ran("config", "show")
    assert "a\\u001b[2Jb" in text
    assert "\x1b" not in text


def test_the_group_explains_itself() -> None:
    assert re.search(r"show +Print every key, its value and where it came from\.", ran("config"))
