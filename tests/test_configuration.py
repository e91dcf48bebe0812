"""What a configuration's text comes to: numbers, references, paths, and files that hold secrets."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from inventory.common.errors import ConfigError, UsageError
from inventory.config.credentials import Password, Token
from inventory.config.load import choose_database, load
from inventory.config.settings import Settings
from inventory.mock import DrsServer
from tests.conftest import Command, ran, write_page
from tests.test_config_schema import schema_faults

SECRET = "t0ken-value"
LIVE = '{name: a, region: cn-north-4, project_id: p, jobs: all, auth: {token: "${T:-t}"}%s}'


def read(folder: Path, text: str, *, for_export: bool = True) -> Settings:
    """Read a configuration of this text, and a source."""
    (folder / "c.yaml").write_text(text if "sources:" in text else f"{text}\nsources: [{LIVE % ''}]\n")
    settings = load(str(folder / "c.yaml"), for_export=for_export)
    assert schema_faults((folder / "c.yaml").read_text()) == []
    return settings


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong with it, from the line on."""
    with pytest.raises(ConfigError) as error:
        read(folder, text)
    assert SECRET not in str(error.value)
    assert error.value.exit_code == 64
    return [fault.removeprefix(f"{folder}/c.yaml:") for fault in error.value.faults]


# Numbers, flags and texts


def source(folder: Path, key: str, value: str) -> Any:
    (setting,) = read(folder, f"sources: [{LIVE % f', {key}: {value}'}]").sources
    return getattr(setting, key)


@pytest.mark.parametrize("written", ["010", "0o10", "0x10", "0b11", "1_0", "1:30", "0010", "+010", "1e1", ".inf", "08"])
@pytest.mark.parametrize("form", ["{}", '"{}"', '"${{N:-{}}}"'])
def test_a_number_is_decimal(tmp_path: Path, written: str, form: str) -> None:
    value = form.format(written)
    for text, place in (
        (f"sources: [{LIVE % f', concurrency: {value}'}]", "1: sources[0].concurrency"),
        (f"retention:\n  keep_daily: {value}", "2: retention.keep_daily"),
        (f"parallel: {value}", "1: parallel"),
    ):
        (said,) = faults(tmp_path, text)
        assert said.startswith(f"{place}: a whole number from ")
        assert written in ("1e1", ".inf") or "a plain decimal number" in said


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("concurrency", "10", 10), ("concurrency", "+5", 5), ("concurrency", '"7"', 7), ("concurrency", '"${N:-7}"', 7),
        ("page_size", "0", 0), ("timeout", ".5", 0.5), ("timeout", "2.", 2.0), ("timeout", "1e3", 1000.0),
        ("timeout", "1.5e+3", 1500.0), ("timeout", "30", 30.0), ("retry_seconds", "0", 0.0),
        ("children", "true", True), ("children", "False", False), ("children", '"${C:-true}"', True),
    ],
)  # fmt: skip
def test_a_number_is_what_its_reader_expects(tmp_path: Path, key: str, written: str, value: object) -> None:
    found = source(tmp_path, key, written)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", ["yes", "no", "on", "Off", "y", '"yes"', "1", "0"])
def test_a_flag_is_true_or_false(tmp_path: Path, written: str) -> None:
    (said,) = faults(tmp_path, f"sources: [{LIVE % f', children: {written}'}]")
    assert said.startswith("1: sources[0].children: true or false is needed")


@pytest.mark.parametrize(
    "written", ["0123", "9" * 5000, "1.5", "1:30", "0x1F", "1_000", "yes", "No", "true", "2026-01-01"]
)
def test_a_text_that_yaml_reads_otherwise_needs_quotes(tmp_path: Path, written: str) -> None:
    text = (
        f"sources:\n- name: {written}\n  project_id: {written}\n  region: cn-north-4\n  jobs: all\n"
        f"  filter: {{name: {written}, tags: {{a: {written}}}}}\n"
    )
    for auth, place in (
        (f"token: {written}", "token"),
        (f"access_key: k, secret_key: {written}", "secret_key"),
        (f"username: u, password: {written}, domain: d", "password"),
        (f"username: u, password: p, domain: {written}", "domain"),
    ):
        told = faults(tmp_path, f"{text}  auth: {{{auth}}}\n")
        places = ["2: sources[0].name", "3: sources[0].project_id", "6: sources[0].filter.name",
                  "6: sources[0].filter.tags.a", f"7: sources[0].auth.{place}"]  # fmt: skip
        assert [": ".join(fault.split(": ")[:2]) for fault in told] == places
        assert all("put it in quotes" in fault for fault in told)
        assert not written[0].isdigit() or written not in "".join(told)
        assert read(tmp_path, f"{text}  auth: {{{auth}}}\n".replace(written, "'0x1F'"))


def test_quoted_texts_and_tags_are_taken_as_they_are(tmp_path: Path) -> None:
    keys = read(tmp_path, f"sources: [{LIVE % ', filter: {name: !!str 010, tags: {010: yes, on: }}'}]".replace(
        "010: yes, on: ", "010: 'yes', on: ''")).sources[0]  # fmt: skip
    assert (keys.filters.name, keys.filters.tags) == ("010", (("010", "yes"), ("on", "")))
    (said,) = faults(tmp_path, f"sources: [{LIVE % f', language: !{SECRET} x'}]")
    assert said == "1: sources[0].language: a tag that is not known here"


def test_every_fault_of_one_line_is_told(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        "sources: [{name: 1, region: , project_id: 0123, auth: {token: '${NOT_SET}'}, jobs: [], concurrency: 010}]",
    )
    assert [fault.split(": ")[1] for fault in told] == [
        "sources[0].auth.token", "sources[0].name", "sources[0].region", "sources[0].project_id",
        "sources[0].concurrency", "sources[0].jobs",
    ]  # fmt: skip
    told = faults(tmp_path, "defaults: {concurrency: 0}\nsuorces: []\nretention: {keep_daily: x}")
    assert [fault.split(": ")[1] for fault in told] == ["defaults.concurrency", "suorces", "retention.keep_daily"]
    two = ", ".join(f"{{name: {name}, region: cn-north-4, project_id: {name}, jobs: all}}" for name in "ab")
    told = faults(tmp_path, f"defaults: {{timeout: 0, auth: {{token: 1}}}}\nsources: [{two}]")
    assert [fault.split(": ")[1] for fault in told] == [
        "defaults.auth.token",
        "defaults.timeout",
    ]  # not for each source


# References


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "a-value"), ("x${A}-${B:-b}y", "xa-value-by"), ("${B:-}x", "x"), ("${EMPTY:-e}", "e"),
        ("$${A}", "${A}"), ("$$A", "$A"), ("$$(x)", "$(x)"), ("$$$$", "$$"), ("$$${A}", "$a-value"),
        ("pa$", "pa$"), ("$1x", "$1x"), ("a$!b$-c$ d", "a$!b$-c$ d"), ("${B:-$$x}", "$x"),
        ("${ODD}", "${A} $A $$ $( ${"), ("${file:secret}", "$A ${x"), ("${file:folder/other}", "from a file"),
        ("${credential:other}", "from a file"),
    ],
)  # fmt: skip
def test_references_are_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, value: str
) -> None:
    monkeypatch.setenv("A", "a-value")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("ODD", "${A} $A $$ $( ${")
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbf$A ${x\r\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/other").write_text("from a file\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "folder"))
    monkeypatch.chdir("/")
    auth = f"{{username: u, password: '{written}', domain: d}}"
    (found,) = read(
        tmp_path, f"sources: [{{name: a, region: cn-north-4, project_id: p, jobs: all, auth: {auth}}}]"
    ).sources
    assert isinstance(found.credentials, Password)
    assert found.credentials.password == value


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"${{{SECRET}", "not closed"), ("${A:-${B}}", "has a brace inside"), (f"$({SECRET})", "no command is run"),
        ("$A", "a $ before a name"), (f"x$_{SECRET}", "a $ before a name"), ("${}", "not a reference"),
        ("${ A }", "not a reference"), (f"${{{SECRET}}}", "not a reference"), ("${A:?no}", "not a reference"),
        ("${NOT_SET}", "the environment variable NOT_SET is not set, or is empty"), ("${A:-$B}", "a $ before a name"),
        ("${file:none}", "/none cannot be read: No such file"), ("${file:}", "cannot be read: Is a directory"),
        ("${file:/dev/zero}", "/dev/zero cannot be read: it is too long"), ("$$$A", "a $ before a name"),
        ("${credential:../x}", "not the name of a file"), ("${credential:}", "not the name of a file"),
        ("${credential:none}", "/none cannot be read: No such file"),
    ],
)  # fmt: skip
def test_what_looks_like_a_reference_and_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    told = faults(tmp_path, f"database: '{written}'\nsources:\n- {LIVE.replace('${T:-t}', written) % ''}")
    assert [": ".join(fault.split(": ")[:2]) for fault in told] == ["1: database", "3: sources[0].auth.token"]
    for fault in told:
        assert said in fault
        others = ("write $$ for a $", "NOT_SET", "cannot be read", "not the name of a file")
        assert any(each in fault for each in others)


def test_without_a_folder_of_credentials_there_is_none(tmp_path: Path) -> None:
    told = faults(tmp_path, "database: '${credential:url}'\nsources: [{name: a, replay: .}]")
    assert "the environment variable CREDENTIALS_DIRECTORY is not set, so there is no credential url" in told[0]


def test_characters_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "sources: [{name: a, region: cn-north-4, jobs: all, auth: {username: u, password: %s, domain: d}}]"
    for written in (json.dumps("a 😀"), "'a 😀'"):  # JSON escapes it as two halves
        (found,) = read(tmp_path, text % written).sources
        assert isinstance(found.credentials, Password)
        assert found.credentials.password == "a 😀"
    monkeypatch.setenv("LATIN", "\udce4")  # a byte that is not UTF-8
    for written in (r'"\ud83d"', "'${LATIN}'"):
        assert faults(tmp_path, text % written) == [
            "1: sources[0].auth.password: half of a character; it is not text in UTF-8"
        ]


# Paths


def test_paths_in_the_file_are_relative_to_it(
    tmp_path: Path, server: DrsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `faults/relative.yaml`: run from another folder."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "token").write_text(server.token)
    (folder / "ids.txt").write_text("\n".join(sorted(server.jobs)[:3]))
    source: dict[str, Any] = {"name": "a", "region": "r", "endpoint": server.url, "project_id": server.project_id}
    source |= {"auth": {"token": "${file:token}"}, "jobs": {"file": "ids.txt"}}
    document = {"workers": 0, "database": "sqlite:///tables.db", "sources": [source]}
    (folder / "c.yaml").write_text(json.dumps(document))
    export = ("--config", "etc/c.yaml", "export")
    assert "3 added" in ran(*export, "--record", "pages")
    assert (folder / "tables.db").exists()

    (tmp_path / "pages/a").rename(folder / "night")
    document["sources"] = [{"name": "r", "replay": ["night"]}]
    (folder / "c.yaml").write_text(json.dumps(document))
    assert "3 added" in ran(*export)
    # What is not written in the file is relative to the working folder.
    ran("--database", "sqlite:///option.db", *export)
    with monkeypatch.context() as variable:
        variable.setenv("INVENTORY_DATABASE_URL", "sqlite:///variable.db")
        ran(*export)
    del document["database"]
    (folder / "c.yaml").write_text(json.dumps(document))
    ran(*export)
    assert {file.name for file in tmp_path.glob("*.db")} == {"option.db", "variable.db", "inventory.db"}
    assert {file.name for file in folder.glob("*.db")} == {"tables.db"}


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("sqlite:///x.db", "sqlite:///etc/x.db"), ("sqlite:///../x.db", "sqlite:///etc/../x.db"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"), ("sqlite+pysqlite:///x.db", "sqlite+pysqlite:///etc/x.db"),
        ("sqlite:///a:b.db", "sqlite:///etc/a:b.db"), ("${U:-sqlite:///x.db}", "sqlite:///etc/x.db"),
        ("postgresql://h/x.db", "postgresql+psycopg://h/x.db"),
    ],
)  # fmt: skip
def test_the_database_of_a_configuration(tmp_path: Path, written: str, url: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/c.yaml").write_text(f"database: {written}\nsources: [{{name: s, replay: [n]}}]")
    for file, expected in (
        ("etc/c.yaml", url),
        (str(tmp_path / "etc/c.yaml"), url.replace("etc/", f"{tmp_path}/etc/")),
    ):
        assert choose_database(None, load(file, for_export=True)) == expected


def test_a_configuration_here_has_its_database_here(tmp_path: Path) -> None:
    read(tmp_path, "database: sqlite:///x.db")
    assert choose_database(None, load("c.yaml", for_export=True)) == "sqlite:///x.db"


@pytest.mark.parametrize(
    "url", [f"mysql://u:{SECRET}@h/x", f"sqlite+pysqlcipher://:{SECRET}@/x.db", "sqlite://x.db", "x.db"]
)
def test_validate_checks_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (said,) = faults(tmp_path, f"database: {url}")
    assert said.startswith("1: database: ")
    read(tmp_path, "")
    ran("--config", "c.yaml", "--database", url, "validate", code=64)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    ran("--config", "c.yaml", "validate", code=64)
    with pytest.raises(UsageError) as error:
        choose_database(None, Settings())
    assert SECRET not in str(error.value)


# Files with secrets that others can read

HOLDS_A_SECRET = [
    "sources: [{name: a, region: cn-north-4, jobs: all, auth: {token: '%s'}}]",
    "sources: [{name: a, region: cn-north-4, jobs: all, auth: {access_key: k, secret_key: '${B:-%s}'}}]",
    "sources: [{name: a, region: cn-north-4, jobs: all, auth: {username: u, password: '%s', domain: d}}]",
    "database: 'postgresql://u:%s@h/x'",
    "database: postgresql://h/x?user=u&password=%s",
    "ping: {success: 'https://example.com/%s'}",
]


@pytest.mark.parametrize("text", HOLDS_A_SECRET)
def test_a_file_with_a_secret_that_others_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "secret").write_text(SECRET)
    own, other = tmp_path / "c.yaml", tmp_path / "secret"
    monkeypatch.setenv("V", SECRET)
    for written, path in ((SECRET, own), ("${file:secret}", other), ("${V}", None)):
        if "${B" in text and path != own:
            continue  # no reference stands in a default
        configuration = text % written
        configuration += "" if "sources" in text else "\nsources: [{name: s, replay: [n]}]"
        for mode, told in ((0o600, False), (0o640, True), (0o604, True), (0o700, False)):
            own.touch()
            own.chmod(mode if path == own else 0o644)
            other.chmod(mode if path == other else 0o644)
            said = f"other users can read {path}, which holds a secret; run chmod 600 {path}"
            expected = (said,) if told and path is not None else ()
            assert read(tmp_path, configuration).warnings == expected, oct(mode)
        assert not read(tmp_path, configuration, for_export=False).warnings  # who only reads needs no secret


def test_files_without_a_secret_may_be_read_by_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", SECRET)
    for name in ("id", "ids.txt"):
        (tmp_path / name).write_text("an-id")
    keys = "auth: {access_key: k, secret_key: '${V}'}, project_id: '${file:id}', jobs: {file: ids.txt}"
    text = f"database: postgresql://u@h/x\nsources: [{{name: a, region: cn-north-4, {keys}}}]"
    assert not read(tmp_path, text).warnings


def test_the_warning_is_told_once(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "secret").write_text(SECRET)
    both = "auth: {username: '${file:secret}', password: '${file:secret}', domain: d}"
    sources = (f"{{name: a{name}, region: cn-north-{name}, jobs: all, {both}}}" for name in "14")
    text = f"sources: [{', '.join(sources)}]"
    (tmp_path / "c.yaml").write_text(text)
    said = "other users can read secret, which holds a secret; run chmod 600 secret"
    assert inventory("--config", "c.yaml", "validate").stderr == f"warning: {said}\n"
    assert inventory("--config", "c.yaml", "-q", "validate").stderr == ""
    (event,) = inventory("--config", "c.yaml", "--log-format", "json", "validate").stderr.splitlines()
    assert (json.loads(event)["event"], json.loads(event)["text"]) == ("warning", said)
    (tmp_path / "secret").chmod(0o600)
    assert inventory("--config", "c.yaml", "validate").stderr == ""


# Documents that are too much

LEVELS = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9 if n else ['x'] * 9)}]" for n in range(7))


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (f"{LEVELS}\nsources: *l6", "", "aliases repeat more than 100,000 values"),
        (f"sources: {'[' * 2000}{']' * 2000}", "1: ", "nested more than 32 levels"),
        ("\n".join(f"{' ' * n}a:" for n in range(2000)), "", "nested more than 32 levels"),
        ("sources: " + "[" * 200_000, "1: ", "nested more than 32 levels"),
        ("sources: &a [*a]", "1: sources[0]: ", "an alias that contains itself"),
        (f"a: *{SECRET}", "1: ", "a text that begins with * needs quotes"),
        (f"a: !{SECRET}!x y", "1: ", "not YAML"),
        (f"? [{SECRET}]\n: x\nsources: []", "1: ", "a key is a list"),
        ("a: 1\nb: \x01", "2: ", "a control character"),
        ("a: {b: 1, c: ${NAME}}", "1: ", "needs quotes"),
        ("a: {b: 1,\u2028 c: ${NAME}}", "2: ", "not YAML"),
        ("redact: [[a]]", "1: redact[0]: ", "a text is needed"),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_document_that_is_none(tmp_path: Path, text: str, place: str, said: str) -> None:
    began = time.monotonic()
    told = faults(tmp_path, text)
    assert any(fault.startswith(place) and said in fault for fault in told), told
    assert time.monotonic() - began < 60  # 4.8 million values, or the end of the stack, before


def test_aliases_are_welcome(tmp_path: Path) -> None:
    text = "a: 1\nsources:\n"
    text += "- &a {name: a, region: cn-north-4, jobs: &ids [x, y], project_id: p, auth: &auth {token: t}}\n"
    text += "- {name: b, region: cn-north-4, jobs: *ids, project_id: q, auth: *auth}\n"
    one, two = read(tmp_path, text.replace("a: 1\n", "")).sources
    assert (one.jobs, one.credentials) == (two.jobs, two.credentials) == (("x", "y"), Token("t"))


def test_a_configuration_that_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load("/dev/zero", for_export=True)
    assert "longer than 4 MiB" in str(error.value)


# Without the environment, as in a pull request


NO_SECRETS = """
database: ${DATABASE_URL}
secrets: fingerprint
sources:
- name: a
  region: cn-north-4
  project_id: ${PROJECT:-p}
  auth: {access_key: "${AK}", secret_key: "${file:no-such-file}"}
  jobs: all
  concurrency: ${MANY}
  endpoint: https://drs.${ZONE}.example.com
- {name: b, region: cn-east-3, jobs: "${JOBS}", children: true}
- {name: c, region: cn-north-4, project_id: "${OTHER}", jobs: all, auth: {token: "${T}"}}
- {name: d, region: cn-north-4, project_id: "${ANOTHER}", jobs: all, auth: {token: "${T}"}}
ping: {failure: "https://example.com/${PING}"}
"""


def test_what_a_pull_request_can_check(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text(NO_SECRETS)
    done = inventory("--config", "c.yaml", "validate", "--no-env", AK="hush", INVENTORY_DATABASE_URL="nonsense")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, *lines = done.stdout.splitlines()
    assert first == "c.yaml is valid as far as it was checked: 4 sources."
    assert second == "Not checked, because of --no-env:"
    assert [line.strip() for line in lines] == [
        "line 2, database: ${DATABASE_URL}",
        "line 3, secrets: INVENTORY_FINGERPRINT_KEY",
        "line 8, sources[0].auth.access_key: ${AK}",
        "line 8, sources[0].auth.secret_key: ${file:no-such-file}",
        "line 10, sources[0].concurrency: ${MANY}",
        "line 11, sources[0].endpoint: ${ZONE}",
        "line 12, sources[1].jobs: ${JOBS}",
        "line 12, sources[1]: the credentials, which are looked for where the export runs",
        "line 13, sources[2].project_id: ${OTHER}",
        "line 13, sources[2].auth.token: ${T}",
        "line 14, sources[3].project_id: ${ANOTHER}",
        "line 14, sources[3].auth.token: ${T}",
        "line 15, ping.failure: ${PING}",
    ]
    assert inventory("--config", "c.yaml", "-q", "validate", "--no-env").stdout == ""
    assert inventory("--config", "c.yaml", "validate").returncode == 64


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("${PROJECT:-p}", "${PROJECT:-a/b}", "7: sources[0].project_id: not a project id"),
        ("${MANY}", "${MANY", "10: sources[0].concurrency: a ${ that is not closed"),
        ("concurrency", "concurency", "10: sources[0].concurency: unknown key. Did you mean 'concurrency'?"),
        ('secret_key: "${file', 'secretkey: "${file', "8: sources[0].auth.secretkey: unknown key. Did you mean"),
        (', secret_key: "${file:no-such-file}"', "", "8: sources[0].auth: a token, or access_key and secret_key"),
        ("name: b", "name: a", "12: sources[1]: the same name as the source on line 5"),
        ("cn-east-3", "cn-esat-3", "12: sources[1]: unknown region; one that is new needs endpoint too. Did you mean"),
        ('"${JOBS}"', "{file: missing.txt}", "12: sources[1].jobs: missing.txt cannot be read"),
        ("${DATABASE_URL}", "mysql://h/x", "2: database: "),
    ],
)
def test_everything_else_is_checked(tmp_path: Path, inventory: Command, right: str, wrong: str, said: str) -> None:
    assert right in NO_SECRETS
    (tmp_path / "c.yaml").write_text(NO_SECRETS.replace(right, wrong))
    done = inventory("--config", "c.yaml", "validate", "--no-env")
    assert done.returncode == 64
    assert f"error: c.yaml:{said}" in done.stderr


def test_what_was_not_checked_is_named_without_a_default(tmp_path: Path, inventory: Command) -> None:
    written = f"x${{A}}-${{B:-{SECRET}}}-${{file:c}}"
    (tmp_path / "c.yaml").write_text(f"sources: [{LIVE.replace('${T:-t}', written) % ''}]")
    done = inventory("--config", "c.yaml", "validate", "--no-env")
    assert "line 1, sources[0].auth.token: ${A}, ${file:c}\n" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_nothing_is_left_out_where_nothing_is_taken_from_elsewhere(tmp_path: Path, inventory: Command) -> None:
    write_page(tmp_path / "n", 1, ["j"], {"count": 0, "results": []})
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n]}]")
    assert inventory("--config", "c.yaml", "validate", "--no-env").stdout == "c.yaml is valid: 1 source.\n"


# Recordings


def test_folders_of_recordings_are_looked_for(tmp_path: Path, server: DrsServer, inventory: Command) -> None:
    source = {"name": "a", "region": "r", "endpoint": server.url, "project_id": server.project_id}
    source |= {"auth": {"token": server.token}, "jobs": "all"}  # type: ignore[dict-item]
    (tmp_path / "live.yaml").write_text(json.dumps({"workers": 0, "sources": [source]}))
    ran("--config", "live.yaml", "export", "--record", "pages")
    (tmp_path / "cut").mkdir()
    (tmp_path / "empty").mkdir()
    for file in (tmp_path / "pages/a").iterdir():
        if file.name != "end.json":
            (tmp_path / "cut" / file.name).write_bytes(file.read_bytes())
    first = "- name: s\n  replay: [pages/a,\n    cut, empty, no, night, c.yaml]"
    (tmp_path / "c.yaml").write_text(f"sources:\n{first}\n- {{name: t, replay: no folder}}")
    done = inventory("--config", "c.yaml", "validate")
    assert done.returncode == 64
    assert [line.removeprefix("error: c.yaml:") for line in done.stderr.splitlines()] == [
        "4: sources[0].replay[3]: must be text, but YAML reads this as true or false: put it in quotes",
        "4: sources[0].replay[1]: the recording cut was cut off: it has no end.json",
        "4: sources[0].replay[2]: the recording empty has no pages: a page is a file NAME.json or NAME.json.gz",
        "4: sources[0].replay[4]: the recording night cannot be read: No such file or directory",
        "4: sources[0].replay[5]: the recording c.yaml cannot be read: Not a directory",
        "5: sources[1].replay: the recording no folder cannot be read: No such file or directory",
    ]


# Texts that YAML reads as something else


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("0" * 32, "a number"), ("12345678901234567890123456789012", "a number"), ("1.5", "a number"),
        ("0x1F", "a number"), ("1_000", "a number"), ("1:30", "a number"), (".inf", "a number"),
        ("no", "true or false"), ("true", "true or false"), ("2026-01-01", "a date"), ("~", "null"), ("null", "null"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "key",
    ["name", "region", "project_id", "project_name", "endpoint", "replay", "jobs: [{}]", "jobs: {{file: {}}}",
     "except: [{}]", "filter: {{status: {}}}", "filter: {{engine_type: [{}]}}", "filter: {{name: {}}}",
     "filter: {{tags: {{a: {}}}}}", "filter: {{enterprise_project_id: {}}}", "auth: {{token: {}}}",
     "auth: {{username: u, password: {}, domain: d}}"],
)  # fmt: skip
def test_every_text_that_yaml_reads_as_something_else_needs_quotes(
    tmp_path: Path, key: str, written: str, kind: str
) -> None:
    given = key.format(written) if ":" in key else f"{key}: {written}"
    document = {"name": "name: a", "region": "region: cn-north-4", "jobs": "jobs: all", "auth": "auth: {token: t}"}
    text = ", ".join({**document, given.split(":")[0]: given}.values())
    (said,) = faults(tmp_path, f"sources: [{{{text}}}]")
    assert f"must be text, but YAML reads this as {kind}" in said
    assert said.endswith(": put it in quotes")
    assert "YAML reads" not in "".join(faults(tmp_path, f"parallel: 0\ndatabase: '{written}'"))
