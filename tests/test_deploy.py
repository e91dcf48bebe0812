"""The samples for deployment: what they name exists, what they run works, and the tools of their kind accept them.

Tools that are not packages of Python are used where they are: systemd-analyze, promtool, actionlint.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from inventory.cli import main
from inventory.common.errors import InventoryError
from inventory.config.values import seconds_of
from inventory.export.ping import PING_TIMEOUT, RETRY_PAUSES
from tests.conftest import ROOT, here, ran, write_page

DEPLOY = ROOT / "samples/deploy"
DOCS = [ROOT / f"docs/how-to/{name}.md" for name in ("alerts", "cron", "docker", "kubernetes", "pipeline", "systemd")]
DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()
SERVICE = (DEPLOY / "systemd/inventory-export.service").read_text()
CRONTAB = (DEPLOY / "cron/inventory.crontab").read_text()
CODES = {0, 1, 2, 3, 64, 75}
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def settings_of(text: str, name: str) -> list[str]:
    """Return the values of a unit's setting, or of a line NAME=VALUE."""
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def tool(name: str) -> str:
    """Return the path of a tool, from the environment of the tests or the system."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def accepted(*words: str | Path, folder: Path = DEPLOY) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# Commands


def test_init_writes_the_files_into_a_new_folder(tmp_path: Path) -> None:
    ran("init", "--deploy", "mine")
    found = {path.relative_to(tmp_path / "mine"): path.read_text() for path in (tmp_path / "mine").rglob("*.*")}
    assert found == {path.relative_to(DEPLOY): path.read_text() for path in DEPLOY.rglob("*.*")}
    again = here("init", "--deploy", "mine")
    assert again.returncode == 64
    assert "mine exists already. Nothing was changed" in again.stderr


def pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give each Job: the file, the Job's spec, the pod's spec."""
    for name in ("cronjob", "sharded", "upgrade"):
        (document,) = documents(f"kubernetes/{name}.yaml")
        job = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document["spec"]
        yield name, job, job["template"]["spec"]


def workflow() -> dict[str, Any]:
    (document,) = documents("ci/github.yml")
    found = document["jobs"]["export"]
    assert isinstance(found, dict)
    return found


def gitlab() -> dict[str, Any]:
    (document,) = documents("ci/gitlab.yml")
    found = document["inventory"]
    assert isinstance(found, dict)
    return found


def from_shell(text: str) -> Iterator[list[str]]:
    """Give the commands `inventory …` of a text that a shell or a person reads."""
    for found in re.findall(
        r"(?:^ *|[`(;{|&] *|\$ |/bin/)inventory ([^`\n;|&]+)", text.replace("\\\n", " "), re.MULTILINE
    ):
        words = shlex.split(found, comments=True)
        yield words[: next((at for at, word in enumerate(words) if word.startswith((">", "2>"))), None)]


def commands() -> Iterator[tuple[str, list[str]]]:
    for instruction in re.findall(
        r'^(?:ENTRYPOINT|CMD) (\[.*\])$|CMD \["sh", "-c", (".*")\]', DOCKERFILE, re.MULTILINE
    ):
        words = json.loads(instruction[0] or instruction[1])
        yield (
            "Dockerfile",
            [word for word in words if word != "inventory"] if isinstance(words, list) else next(from_shell(words)),
        )
    (compose,) = documents("docker/compose.yaml")
    yield "compose.yaml", compose["services"]["export"]["command"]
    for line in settings_of(SERVICE, "ExecStart"):
        yield "inventory-export.service", shlex.split(line)[1:]
    for text in (line.split(maxsplit=6)[6] for line in CRONTAB.splitlines() if re.match(r"[0-9]", line)):
        for part in text.split("&&"):
            yield "inventory.crontab", shlex.split(part)[1:]
    for name, _, pod in pods():
        yield f"{name}.yaml", pod["containers"][0]["args"]
    scripts = [step.get("run", "") for step in workflow()["steps"]] + gitlab()["script"]
    told = [re.sub(r"{{.*?}}", "x", rule["annotations"]["description"]) for rule in rules()]
    pages = [(path.name, path.read_text()) for path in [*DOCS, DEPLOY / "README.md"]]
    for where, text in [("ci", "\n".join(scripts)), ("alerts.yml", "\n".join(told)), *pages]:
        for words in from_shell(text):
            yield where, words


def parse(words: Sequence[str]) -> None:
    """Parse a command line without running it."""
    command: click.Command = main
    arguments, context = [*words], None
    while True:
        context = command.make_context(command.name or "inventory", list(arguments), parent=context)
        left = [*context._protected_args, *context.args] if isinstance(command, click.Group) else []
        if not left:
            return
        assert isinstance(command, click.Group)
        _, found, arguments = command.resolve_command(context, left)
        assert found is not None
        command = found


def test_every_command_exists_with_its_options() -> None:
    wrong = []
    for where, words in commands():
        try:
            parse(words)
        except click.exceptions.Exit:
            pass  # --help, --version
        except (click.ClickException, InventoryError) as error:
            wrong.append(f"{where}: inventory {shlex.join(words)}: {error}")
    assert wrong == []


def test_commands_are_found_everywhere() -> None:
    found = {where for where, _ in commands()}
    assert found >= {
        "Dockerfile", "compose.yaml", "inventory-export.service", "inventory.crontab", "cronjob.yaml", "sharded.yaml",
        "upgrade.yaml", "ci", "alerts.yml", *(path.name for path in DOCS),
    }  # fmt: skip
    with pytest.raises(click.UsageError):
        parse(["export", "--no-such-option"])
    with pytest.raises(InventoryError):
        parse(["-q", "check", "no-such-command"])


def test_the_table_of_the_samples_has_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for path in FILES:
        if path.name != "README.md":
            assert f"]({path.relative_to(DEPLOY)})" in readme, path


# Secrets

_SECRETS = ("access_key", "secret_key", "database_url")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_is_in_a_variable(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"secretKeyRef|envFrom|env_file|SetCredential=|PassEnvironment", text)
    assert not re.search(r"(?i)\b[A-Z_]*(SECRET_KEY|ACCESS_KEY|PASSWORD|TOKEN|PASSWD)=['\"]?[a-z0-9]", text)
    assert not re.search(r"\$\{(HW|OS|HUAWEICLOUD)_\w+", text)


def test_only_paths_are_in_the_environment() -> None:
    allowed = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "INVENTORY_CONFIG", "CREDENTIALS_DIRECTORY"}
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    assert {word.split("=")[0] for word in shlex.split(block.replace("\\\n", ""))} <= allowed
    assert {each.split("=")[0] for each in settings_of(SERVICE, "Environment")} <= allowed
    assert set(re.findall(r"^([A-Z_]+)=", CRONTAB, re.MULTILINE)) <= allowed | {"SHELL", "MAILTO"}
    for _, _, pod in pods():
        assert {each["name"] for each in pod["containers"][0]["env"]} <= allowed
        assert all("value" in each for each in pod["containers"][0]["env"])
    (compose,) = documents("docker/compose.yaml")
    assert "environment" not in compose["services"]["export"]
    assert set(gitlab()["variables"]) <= allowed


def test_pipelines_write_their_secrets_to_files_at_once() -> None:
    steps = workflow()["steps"]
    with_secrets = [step["name"] for step in steps if "secrets." in str(step)]
    assert with_secrets == ["Write the secrets to files"]
    assert "secrets." not in str(workflow()["env"])


@pytest.mark.parametrize("name", ["inventory.yaml", "kubernetes/configuration.yaml"])
def test_the_configurations_are_valid(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = documents(name)[0]["data"]["inventory.yaml"] if "kubernetes" in name else (DEPLOY / name).read_text()
    Path("c.yaml").write_text(text)
    assert "is valid" in ran("--config", "c.yaml", "validate", "--no-env")
    (tmp_path / "credentials").mkdir()
    for secret in _SECRETS:
        file = tmp_path / "credentials" / secret
        file.write_text("postgresql://u:planted-secret@h/x\n" if secret == "database_url" else "planted-secret\n")
        file.chmod(0o400)
    done = here("--config", "c.yaml", "validate", CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))
    assert (done.returncode, done.stderr) == (0, "")
    done = here("--config", "c.yaml", "config", "show", CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))
    assert "planted-secret" not in done.stdout
    assert "credential secret_key" in done.stdout
    assert set(re.findall(r"\$\{credential:(\w+)}", text)) == set(_SECRETS)


def test_everybody_gets_the_secrets_that_the_configuration_reads() -> None:
    assert {each.split(":")[0] for each in settings_of(SERVICE, "LoadCredential")} == set(_SECRETS)
    (compose,) = documents("docker/compose.yaml")
    assert set(compose["services"]["export"]["secrets"]) == set(compose["secrets"]) == set(_SECRETS)
    scripts = str(workflow()), str(gitlab())
    for secret in _SECRETS:
        assert all(f"/{secret}" in script for script in scripts)
        assert f"--from-file={secret}" in (DEPLOY / "kubernetes/configuration.yaml").read_text()


# Limits


def deadlines() -> set[float]:
    texts = [
        (DEPLOY / "inventory.yaml").read_text(),
        documents("kubernetes/configuration.yaml")[0]["data"]["inventory.yaml"],
    ]
    return {seconds_of(yaml.safe_load(text)["deadline"]) or 0 for text in texts}


def seconds(text: str) -> float:
    return sum(
        float(n) * {"h": 3600, "m": 60, "min": 60, "s": 1, "": 1}[unit]
        for n, unit in re.findall(r"(\d+) ?([a-z]*)", text)
    )


def test_a_run_ends_by_itself_before_it_is_ended() -> None:
    (deadline,) = deadlines()
    commit = 900
    assert seconds(settings_of(SERVICE, "RuntimeMaxSec")[0]) >= deadline + commit
    assert workflow()["timeout-minutes"] * 60 >= deadline + commit
    assert seconds(gitlab()["timeout"]) >= deadline + commit
    for name, job, _ in pods():
        if name != "upgrade":
            assert job["activeDeadlineSeconds"] >= 2 * (deadline + commit)
    pings = 2 * (3 * PING_TIMEOUT + sum(RETRY_PAUSES))
    assert seconds(settings_of(SERVICE, "TimeoutStopSec")[0]) >= pings


def test_exit_codes_are_ours() -> None:
    assert {int(code) for code in settings_of(SERVICE, "RestartPreventExitStatus")[0].split()} < CODES
    for _, job, pod in pods():
        for rule in job["podFailurePolicy"]["rules"]:
            if "onExitCodes" in rule:
                assert set(rule["onExitCodes"]["values"]) < CODES
                assert rule["onExitCodes"]["containerName"] == pod["containers"][0]["name"]
    for code in CODES:
        assert re.search(rf"^#.*\b{code} \w", CRONTAB, re.MULTILINE)


def test_shards_are_as_many_as_pods() -> None:
    _, job, pod = next(each for each in pods() if each[0] == "sharded")
    words = pod["containers"][0]["args"]
    assert words[words.index("--shard") + 1] == f"auto/{job['completions']}"
    assert job["completionMode"] == "Indexed"


# Kubernetes


def test_pods_are_restricted() -> None:
    """The Pod Security Standard `restricted`, and a root file system that is read-only."""
    for _, _, pod in pods():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["restartPolicy"] == "Never"
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert volumes.keys() == mounts.keys()
        assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
        assert mounts["secrets"]["readOnly"] is True
        environment = {each["name"]: each["value"] for each in container["env"]}
        assert environment["CREDENTIALS_DIRECTORY"] == mounts["secrets"]["mountPath"]
        assert environment["INVENTORY_CONFIG"].startswith(mounts["configuration"]["mountPath"])


@pytest.mark.parametrize("version", [["-k", "1.33"], []], ids=["the oldest", "the newest"])
def test_kubernetes_accepts_the_manifests(version: list[str]) -> None:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    said = accepted(tool("kubernetes-validate"), "--strict", *version, *files)
    assert said.count("passed") == len(files)


# The image


def test_the_image_runs_as_a_number_and_carries_no_secret() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not re.search(r"^(ARG|ADD) ", last, re.MULTILINE)
    assert "COPY --from=build" in last
    ignored = (DEPLOY / "docker/Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[2:3] == ["*"] or "*" in ignored
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert kept == {"inventory", "migrations", "samples", "pyproject.toml", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in kept)


@pytest.mark.parametrize(("age", "code"), [("fresh", 0), ("old", 1)])
def test_the_image_is_healthy_while_every_source_is_fresh(age: str, code: int, tmp_path: Path) -> None:
    """The image's own health command; 2, which Docker reserves, becomes 1. It can also read only."""
    (line,) = re.findall(r'CMD \["sh", "-c", "(.*)"\]', DOCKERFILE)
    time = datetime.now(UTC).isoformat() if age == "fresh" else "2026-11-01T01:00:00Z"
    write_page(tmp_path / "night", 1, ["j"], {"count": 1, "results": [{"id": "j", "name": "a job"}]}, time=time)
    Path("c.yaml").write_text("database: sqlite:///i.db\nsources: [{name: prod, replay: [night]}]\n")
    assert here("--config", "c.yaml", "export").returncode == 0
    before = Path("i.db").read_bytes()
    done = shell(line, tmp_path / "bin", INVENTORY_CONFIG="c.yaml")
    assert done.returncode == code, done.stderr
    assert (done.stdout == "") == (code == 0)
    assert Path("i.db").read_bytes() == before


def test_hadolint_accepts_the_image() -> None:
    accepted(tool("hadolint"), "docker/Dockerfile")


def test_the_composition_is_valid() -> None:
    accepted(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml")


# systemd


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies of the units, with a command that exists here."""
    folder = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", folder, ignore=shutil.ignore_patterns("*.conf"))
    service = folder / "inventory-export.service"
    service.write_text(service.read_text().replace("/opt/inventory/bin/inventory ", f"{sys.executable} -m inventory "))
    return sorted(folder.iterdir())


def test_systemd_accepts_the_units(units: list[Path]) -> None:
    assert accepted(tool("systemd-analyze"), "verify", "--man=no", *units) == ""


def test_systemd_calls_the_service_secure(units: list[Path]) -> None:
    (service,) = (path for path in units if path.name == "inventory-export.service")
    words = ("security", "--offline=true", "--threshold=15", "--no-pager")  # of 100; the highest "OK" is 42
    assert re.search(r"exposure level for \S+: \S+ OK", accepted(tool("systemd-analyze"), *words, service))


def test_the_service_is_watched() -> None:
    assert settings_of(SERVICE, "Type") == ["notify"]
    assert seconds(settings_of(SERVICE, "WatchdogSec")[0]) == 900
    assert settings_of(SERVICE, "OnFailure") == ["inventory-alert@%n.service"]
    assert (DEPLOY / "systemd/inventory-alert@.service").exists()


# cron


def test_the_crontab_is_one() -> None:
    lines = [line for line in CRONTAB.splitlines() if line and not line.startswith("#")]
    entries = [line for line in lines if not re.match(r"[A-Z_]+=\S+$", line)]
    assert len(entries) == 2
    for entry in entries:
        *times, user, command = entry.split(maxsplit=6)
        assert all(re.fullmatch(r"\*|[0-9]{1,2}", field) for field in times)
        assert (user, command.split()[0]) == ("inventory", "inventory")
        assert "%" not in command  # a line break for cron
    assert CRONTAB.endswith("\n")


def test_the_week_s_command_works(samples: str, tmp_path: Path) -> None:
    (command,) = re.findall(r"^0 .*? inventory (inventory .*)$", CRONTAB, re.MULTILINE)
    Path("c.yaml").write_text(f"database: {samples}\nretention: {{keep_daily: 1}}\nsources: [{{name: a, replay: x}}]\n")
    done = shell(command, tmp_path / "bin", INVENTORY_CONFIG="c.yaml")
    assert (done.returncode, done.stderr) == (0, "")


# Pipelines


def shell(script: str, folder: Path, /, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a script as a pipeline does; programs that are not to run are recorded in calls.txt instead."""
    folder.mkdir(exist_ok=True)
    (folder / "inventory").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m inventory "$@"\n')
    for name in ("pip", "gh", "curl"):
        record = 'printf "%s\\n" "$(basename "$0")" "$@" >> calls.txt; for f in "$@"; do case "$f" in '
        (folder / name).write_text(
            f'#!/bin/sh\n{record}*@*) f="${{f#*@}}";; esac; [ -f "$f" ] && cat "$f" >> bodies.txt; done; true\n'
        )
    for path in folder.iterdir():
        path.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder), **variables}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)


def configured(*nights: str) -> None:
    folders = ", ".join(str(ROOT / "samples" / night) if night.startswith("night") else night for night in nights)
    Path("inventory.yaml").write_text(
        f"database: ${{credential:database_url}}\nsources: [{{name: sample, replay: [{folders}]}}]\n"
    )


def partial(folder: str) -> str:
    """Record a night in which one of two jobs cannot be read."""
    failed = {"id": "j2", "error_code": "DRS.M00001", "error_msg": "try later"}
    found = {"count": 2, "results": [{"id": "j1", "name": "@all see #1"}, failed]}
    write_page(Path(folder), 1, ["j1", "j2"], found)
    return folder


def run_github(folder: Path) -> tuple[int, str]:
    """Run the steps of the workflow as GitHub does: files carry variables and outputs from step to step."""
    temporary = folder / "runner"
    temporary.mkdir(exist_ok=True)
    variables = {
        "RUNNER_TEMP": str(temporary),
        "GITHUB_ENV": "env.txt",
        "GITHUB_OUTPUT": "output.txt",
        **workflow()["env"],
    }
    said = ""
    for step in workflow()["steps"]:
        outputs = dict(line.split("=", 1) for line in read("output.txt").splitlines())
        if "run" not in step or ("if" in step and outputs["code"] == "0"):
            continue
        own = {name: expanded(value) for name, value in step.get("env", {}).items()}
        carried = dict(line.split("=", 1) for line in read("env.txt").splitlines())
        script = step["run"].replace("${{ steps.export.outputs.code }}", outputs.get("code", ""))
        done = shell(script, folder / "bin", **variables, **carried, **own)
        said += done.stdout + done.stderr
        if done.returncode:
            return done.returncode, said
    return 0, said


def expanded(value: str) -> str:
    return "sqlite:///i.db" if "DATABASE_URL" in value else f"planted {value}"


def run_gitlab(folder: Path) -> tuple[int, str]:
    job = gitlab()
    variables = {"CI_API_V4_URL": "https://gitlab.example/api/v4", "CI_PROJECT_ID": "42", **job["variables"]}
    for name in ("HW_ACCESS_KEY", "HW_SECRET_KEY", "DATABASE_URL", "TICKET_HEADER"):
        (folder / name).write_text(expanded(name))
        variables[name] = str(folder / name)
    done = shell("\n".join([*job["before_script"], *job["script"]]), folder / "bin", TMPDIR=str(folder), **variables)
    return done.returncode, done.stdout + done.stderr


def read(name: str) -> str:
    return Path(name).read_text() if Path(name).exists() else ""


PIPELINES = pytest.mark.parametrize("run", [run_github, run_gitlab], ids=["github", "gitlab"])
TICKET = {run_github: "gh", run_gitlab: "curl"}


@PIPELINES
def test_a_pipeline_opens_a_ticket_with_what_changed(run: Any, tmp_path: Path) -> None:
    configured("night-1", "night-2")
    code, said = run(tmp_path)
    assert code == 0, said
    calls = read("calls.txt").splitlines()
    assert calls.count(TICKET[run]) == 1
    assert any(re.search(r"DRS: what changed by \d{4}-\d\d-\d\d$", call) for call in calls)
    assert '- `status`: `"STARTJOBING"` → `"FULL_TRANSFER_STARTED"`' in read("bodies.txt")
    assert "planted" not in said + "".join(calls)


@PIPELINES
def test_a_pipeline_is_silent_where_nothing_changed(run: Any, tmp_path: Path) -> None:
    for night in (1, 2):
        found = {"count": 1, "results": [{"id": "j1", "name": "a job"}]}
        write_page(tmp_path / f"same-{night}", 1, ["j1"], found, time=f"2026-11-0{night}T01:00:00Z")
    configured(str(tmp_path / "same-1"), str(tmp_path / "same-2"))
    code, said = run(tmp_path)
    assert code == 0, said
    assert "Nothing changed." in said
    assert TICKET[run] not in read("calls.txt").splitlines()


@PIPELINES
def test_a_pipeline_tells_the_changes_of_a_partial_night_and_fails(run: Any, tmp_path: Path) -> None:
    configured(partial(str(tmp_path / "partial")))
    code, said = run(tmp_path)
    assert code == 3, said
    assert read("calls.txt").splitlines().count(TICKET[run]) == 1
    assert "`" in read("bodies.txt").split("@all")[0][-3:]  # in a code span, which names nobody


@PIPELINES
def test_a_pipeline_fails_with_the_export(run: Any, tmp_path: Path) -> None:
    configured(str(tmp_path / "nowhere"))
    code, _ = run(tmp_path)
    assert code in (1, 64)
    assert TICKET[run] not in read("calls.txt").splitlines()


@pytest.mark.parametrize(("schema", "file"), [("vendor.github-workflows", "github"), ("vendor.gitlab-ci", "gitlab")])
def test_the_pipelines_are_valid(schema: str, file: str) -> None:
    accepted(tool("check-jsonschema"), "--builtin-schema", schema, f"ci/{file}.yml")


def test_actionlint_accepts_the_workflow() -> None:
    accepted(tool("actionlint"), "ci/github.yml")


def test_shellcheck_accepts_the_scripts(tmp_path: Path) -> None:
    steps = [step["run"] for step in workflow()["steps"] if "run" in step]
    github = [re.sub(r"\${{.*?}}", "3", step) for step in steps]
    scripts = [*github, "\n".join(gitlab()["before_script"] + gitlab()["script"])]
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.sh").write_text(f"#!/bin/bash\n{script}\n")
    accepted(tool("shellcheck"), "--exclude=SC2155", *sorted(tmp_path.glob("*.sh")))


# Metrics


def rules() -> list[dict[str, Any]]:
    (document,) = documents("monitoring/alerts.yml")
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found = json.loads((DEPLOY / "monitoring/dashboard.json").read_text())["panels"]
    assert isinstance(found, list)
    return found


def expressions() -> list[str]:
    return [rule["expr"] for rule in rules()] + [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.fixture
def written() -> dict[str, set[str]]:
    """The names of the metrics that a real run writes, each with its labels."""
    Path("c.yaml").write_text(
        f"database: sqlite:///i.db\ncheck: {{after_export: true}}\n"
        f"sources: [{{name: sample, replay: [{ROOT / 'samples/night-1'}, {ROOT / 'samples/night-2'}]}}]\n"
    )
    assert here("--config", "c.yaml", "export", "--metrics-file", "m.prom").returncode == 0
    families = text_string_to_metric_families(Path("m.prom").read_text())
    return {family.name: {label for sample in family.samples for label in sample.labels} for family in families}


def test_rules_and_dashboard_ask_for_metrics_that_are_written(written: dict[str, set[str]]) -> None:
    dashboard = (DEPLOY / "monitoring/dashboard.json").read_text()
    series = (DEPLOY / "monitoring/alerts_test.yml").read_text()
    for text in [*expressions(), dashboard, series, (ROOT / "docs/how-to/alerts.md").read_text()]:
        assert set(re.findall(r"inventory_[a-z_]+", text)) <= written.keys()
    for expression in expressions():
        for name, inside in re.findall(r"(inventory_[a-z_]+){([^}]*)}", expression):
            assert set(re.findall(r"(\w+)=", inside)) <= written[name]
    known = set.union(*written.values())
    for text in re.findall(r"(?:by|ignoring) ?\(([^)]*)\)", " ".join(expressions())):
        assert set(re.split(r", *", text)) <= known


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    (document,) = documents("monitoring/alerts_test.yml")
    checks = [check for test in document["tests"] for check in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == names
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == names
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_promtool_accepts_the_rules() -> None:
    accepted(tool("promtool"), "check", "rules", "alerts.yml", folder=DEPLOY / "monitoring")
    accepted(tool("promtool"), "test", "rules", "alerts_test.yml", folder=DEPLOY / "monitoring")


def test_promtool_accepts_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = [expression.replace("$source", "x") for expression in expressions()]
    group = {"name": "d", "rules": [{"record": f"x:{number}", "expr": each} for number, each in enumerate(asked)]}
    (tmp_path / "r.yml").write_text(json.dumps({"groups": [group]}))
    accepted(tool("promtool"), "check", "rules", tmp_path / "r.yml")


def test_the_dashboard_is_whole() -> None:
    dashboard = json.loads((DEPLOY / "monitoring/dashboard.json").read_text())
    assert dashboard["schemaVersion"] >= 36
    assert "id" not in dashboard or dashboard["id"] is None  # or an import would replace another
    assert len({panel["id"] for panel in panels()}) == len(panels())
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)\}?", json.dumps(panels()))) - {"__all"} <= variables
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"] and panel["description"] and panel["targets"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
