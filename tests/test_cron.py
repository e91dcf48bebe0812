"""What cron, its mail and its watchers read of a night: lines, events, metrics and pings, whatever the end is."""

import ast
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory.cli import main
from inventory.common.cancellation import Stop
from inventory.common.exact_json import Json
from inventory.common.log_events import COMMON, EVENTS
from inventory.common.safe_text import unread_jobs
from inventory.mock import DrsServer, Fault
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
from tests.conftest import ROOT, Command, write_page
from tests.live import DATABASE, Export
from tests.web import Reply, Web

DECLARED = {event.name: event for event in EVENTS}
Ran = tuple[int, str, str]
CLOSING = {
    "event", "level", "timestamp", "run_id", "code", "seconds", "sources", "complete", "partial", "failed", "busy",
    "left_out", "not_complete",
}  # fmt: skip


def run(*arguments: str, encoding: str = "utf-8") -> Ran:
    """Run the command within this process; its outputs have an encoding as real ones do."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([*arguments])
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode(encoding))
    assert isinstance(ended.value.code, int)
    assert "Traceback" not in texts[1]
    return ended.value.code, texts[0], texts[1]


def export(*options: str, root: tuple[str, ...] = (), database: str = DATABASE) -> Ran:
    return run("--config", "c.yaml", "--database", database, *root, "export", *options)


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a log that has nothing else."""
    return [json.loads(line) for line in text.splitlines()]


def recorded(name: str, *, read: int = 1, unread: int = 0, night: int = 1) -> str:
    """Record a night in which some jobs are answered and others with an error; return its folder."""
    results: list[Json] = [{"id": f"j{number:03}", "name": "a job"} for number in range(read)]
    failed = {"error_code": "DRS.M00001", "error_msg": "try\nlater"}
    results += [{"id": f"j{number:03}", **failed} for number in range(read, read + unread)]
    for at in range(0, len(results), 50):
        page = results[at : at + 50]
        ids = [f"j{number:03}" for number in range(at, at + len(page))]
        write_page(Path(name), at, ids, {"count": len(page), "results": page}, time=f"2026-11-0{night}T01:00:00Z")
    return name


def configured(*sources: dict[str, Any], **top: Any) -> None:
    Path("c.yaml").write_text(json.dumps({"sources": sources, "parallel": 1, "workers": 0, **top}))
    Path("c.yaml").chmod(0o600)  # or it would be a warning that others can read its secrets


def replay(name: str, *folders: str) -> dict[str, Any]:
    return {"name": name, "replay": folders or [name]}


def broken(name: str) -> dict[str, Any]:
    """Return a source whose recording cannot be read."""
    Path(name).mkdir()
    (Path(name) / "1.json").write_text("{")
    return replay(name)


def metrics(path: str = "m.prom") -> dict[str, float]:
    families = text_string_to_metric_families(Path(path).read_text())
    samples = (sample for family in families for sample in family.samples)
    return {
        " ".join([sample.name.removeprefix("inventory_"), *sample.labels.values()]): sample.value for sample in samples
    }


def test_jobs_that_could_not_be_read_are_named_even_quietly() -> None:
    configured(replay("prod", recorded("first", unread=12)))
    code, out, err = export(root=("-q",))
    assert (code, out) == (3, "")
    first, *named, last = err.splitlines()
    assert first == "error: prod: 12 jobs could not be read; they are missing from this snapshot"
    assert [line.split(":")[0].strip() for line in named] == [f"j{number:03}" for number in range(1, 11)]
    assert all("DRS.M00001" in line and line.isprintable() for line in named)
    command = "inventory findings --kind omitted_job --kind unreadable_job --full"
    assert last == f"  and 2 more; `{command}` lists all"
    _, out, _ = run("--database", DATABASE, *command.split()[1:])
    assert all(f"j{number:03}" in out for number in range(1, 13))


def test_a_job_that_was_read_before_is_kept() -> None:
    configured(replay("prod", recorded("n1", read=2), recorded("n2", unread=1, night=2)))
    code, out, err = export()
    assert code == 3
    assert err.splitlines()[0] == "error: prod: 1 job could not be read; its last known state is kept"
    assert "j001: " in err.splitlines()[1]
    assert "snapshot 2, partial" in out
    _, out, _ = run("--database", DATABASE, "diff")
    assert "note: 1 job could not be read; its last known state is kept: j001" in out


@pytest.mark.parametrize(
    ("returned", "jobs", "unreadable", "said"),
    [
        (0, 1, 1, "1 job could not be read; its last known state is kept"),
        (5, 7, 2, "2 jobs could not be read; their last known states are kept"),
        (5, 5, 1, "1 job could not be read; it is missing from this snapshot"),
        (5, 5, 2, "2 jobs could not be read; they are missing from this snapshot"),
        (5, 6, 2, "2 jobs could not be read; the last known state of 1 is kept, 1 is missing from this snapshot"),
        (5, 7, 4, "4 jobs could not be read; the last known state of 2 is kept, 2 are missing from this snapshot"),
        (0, 0, 1234, "1,234 jobs could not be read; they are missing from this snapshot"),
    ],
)
def test_what_is_said_of_jobs_that_could_not_be_read(returned: int, jobs: int, unreadable: int, said: str) -> None:
    assert unread_jobs({"returned": returned, "jobs": jobs, "unreadable": unreadable}) == said


@pytest.mark.parametrize(("quiet", "count"), [(True, 3), (False, 103)])
def test_the_log_names_them_in_bounded_events(quiet: bool, count: int) -> None:
    configured(replay("prod", recorded("first", unread=count)))
    code, _, err = export("--metrics-file", "m.prom", root=("--log-format", "json", *(["-q"] if quiet else [])))
    assert code == 3
    told = events(err)
    assert {event["event"] for event in told} == {"partial", "unread", "finished"} | (
        set() if quiet else {"started", "exported"}
    )
    assert len({event["run_id"] for event in told}) == 1
    (partial,) = (event for event in told if event["event"] == "partial")
    assert (partial["source"], partial["snapshot"], partial["unreadable"]) == ("prod", 1, count)
    unread = [event for event in told if event["event"] == "unread"]
    assert [event["job_id"] for event in unread] == [f"j{number:03}" for number in range(1, 1 + min(count, 100))]
    assert all(event["source"] == "prod" and "DRS.M00001" in event["why"] for event in unread)
    assert metrics()["unreadable_jobs prod"] == count


def test_quietly_nothing_is_said_of_a_good_night() -> None:
    configured(replay("prod", recorded("first")))
    for style in ("text", "json"):
        assert export(root=("-q", "--log-format", style)) == (0, "", "")


def test_the_last_event_tells_how_the_run_ended() -> None:
    """And a source that fails is told before the next one starts."""
    recorded("a")
    recorded("b", unread=1)
    configured(replay("a"), broken("wrong"), replay("b"))
    code, _, err = export(root=("--log-format", "json"))
    assert code == 1
    told = events(err)
    run_ids = {event["run_id"] for event in told}
    assert len(run_ids) == 1
    place = {(event["event"], event.get("source")): number for number, event in enumerate(told)}
    assert place["failed", "wrong"] < place["started", "b"]
    failed = told[place["failed", "wrong"]]
    assert (failed["code"], "JSON" in failed["error"], failed["seconds"] >= 0) == (1, True, True)
    assert failed["error"].startswith("wrong/1.json:1 is not JSON")  # the source's name has a field of its own
    last = told[-1]
    assert last.keys() == CLOSING
    assert last.pop("seconds") >= 0
    last.pop("timestamp")
    assert last == {
        "event": "finished", "level": "error", "run_id": run_ids.pop(), "code": 1, "sources": 3, "complete": 1,
        "partial": 1, "failed": 1, "busy": 0, "left_out": 0, "not_complete": ["b", "wrong"],
    }  # fmt: skip
    with closing(sqlite3.connect("x.db")) as database:
        assert database.execute("SELECT DISTINCT run_id FROM snapshots").fetchall() == [(last["run_id"],)]


def test_an_error_has_the_source_s_name_once() -> None:
    where = {"region": "cn-north-4", "endpoint": "http://127.0.0.1:1", "project_id": "p", "auth": {"token": "t0ken"}}
    configured({"name": "prod", "jobs": "all", "retry_seconds": 0, **where})
    code, _, err = export()
    assert (code, err.count("prod")) == (1, 1)
    assert err.startswith("error: prod: ")
    for command in ("export", "plan"):
        told = events(run("--config", "c.yaml", "--database", DATABASE, "--log-format", "json", command)[2])
        (failed,) = (event for event in told if event["event"] == "failed")
        assert (failed["source"], "prod" in failed["error"]) == ("prod", False)


def test_a_good_run_has_a_last_event_too() -> None:
    recorded("a")
    configured(replay("a"))
    last = events(export(root=("--log-format", "json"))[2])[-1]
    assert (last["event"], last["level"], last["code"], last["complete"]) == ("finished", "info", 0, 1)


def test_of_several_sources_a_line_tells_how_the_run_ended() -> None:
    recorded("a")
    recorded("b", unread=1)
    configured(replay("a"), broken("wrong"), replay("b"))
    _, _, err = export()
    assert [line.split(": ")[1] for line in err.splitlines() if not line.startswith(" ")][:2] == ["wrong", "b"]
    assert err.splitlines()[-1] == "error: 1 of 3 sources are complete; 1 partial: b; 1 failed: wrong"
    configured(replay("a"))
    assert export()[2] == ""


def test_a_plan_tells_its_end_too() -> None:
    recorded("a")
    configured(replay("a"), broken("wrong"))
    code, out, err = run("--config", "c.yaml", "--database", DATABASE, "--log-format", "json", "plan")
    told = events(err)
    assert (code, [event["event"] for event in told]) == (1, ["started", "started", "failed", "finished"])
    assert (told[-1]["code"], told[-1]["sources"], told[-1]["failed"]) == (1, 2, 1)
    assert "a job" in out
    assert len({event["run_id"] for event in told}) == 1


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "an unknown key": ({"sauces": []}, (), "sauces"),
    "two faults": ({"sauces": [], "wurkers": 1}, (), "wurkers"),
    "an unknown source": ({}, ("--source", "nobody"), "nobody"),
    "a wrong shard": ({}, ("--shard", "3/2"), "3/2"),
    "a wrong share": ({}, ("--max-removals", "many"), "--max-removals"),
    "an unknown database": ({"database": "mysql://h/d"}, (), "mysql"),
}  # fmt: skip


@pytest.mark.parametrize(("top", "options", "named"), WRONG.values(), ids=WRONG)
def test_exit_64_reaches_the_log_the_metrics_and_the_ping(
    top: dict[str, Any], options: tuple[str, ...], named: str
) -> None:
    recorded("a")
    with Web(lambda _: Reply()) as web:
        configured(replay("a"), ping={"success": f"{web.url}/up", "failure": f"{web.url}/down"}, **top)
        database = () if "database" in top else ("--database", DATABASE)
        words = ("--config", "c.yaml", "--log-format", "json", *database)
        code, out, err = run(*words, "export", "--metrics-file", "m.prom", *options)
        assert [request.path for request in web.sent] == ["/down"]
    assert (code, out) == (64, "")
    *failed, last = events(err)
    assert [event["event"] for event in failed] == ["failed"] * len(failed)
    assert {event["code"] for event in failed} == {64}
    assert any(named in event["error"] for event in failed)
    assert (last["event"], last["code"], last["complete"]) == ("finished", 64, 0)
    assert {event["run_id"] for event in failed} == {last["run_id"]}
    assert metrics()["last_run_exit_code"] == 64
    assert not Path("x.db").exists()


@pytest.mark.parametrize("content", [None, "sources: [", "[" * 5])
def test_a_configuration_that_says_nothing_leaves_the_metrics(content: str | None) -> None:
    if content is not None:
        Path("c.yaml").write_text(content)
    code, _, err = export("--metrics-file", "m.prom", root=("--log-format", "json"))
    assert (code, [event["event"] for event in events(err)][-1]) == (64, "finished")
    assert metrics() == {"last_run_exit_code": 64, **{k: v for k, v in metrics().items() if k != "last_run_exit_code"}}


def test_a_database_that_is_down_is_an_event() -> None:
    recorded("a")
    configured(replay("a"), replay("b", "a"))
    code, _, err = export(
        "--metrics-file", "m.prom", root=("--log-format", "json"), database="sqlite:///missing/x.db"
    )  # fmt: skip
    *_, failed, last = events(err)
    assert (code, failed["event"], failed["code"], last["event"], last["left_out"]) == (1, "failed", 1, "finished", 2)
    assert failed["run_id"] == last["run_id"]
    found = metrics()
    assert (found["last_run_exit_code"], found["export_exit_code b"], found["last_success_timestamp_seconds b"]) == (
        1, 1, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ("--log-format", "json", "export", "--bogus"),
        ("--log-format=json", "nothing"),
        ("--bogus", "--log-format", "json", "show"),
        ("--log-format", "json", "diff", "--format", "odd"),
        ("--log-format", "json", "--config", "none.yaml", "show"),
        ("--log-format", "json", "--database", "sqlite:///none.db", "show"),
    ],
)
def test_errors_of_every_command_are_events(words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    (event,) = events(err)
    assert (out, event["event"], event["level"], event["code"]) == ("", "failed", "error", code)
    assert event["error"]
    assert "run_id" not in event


def fifo(path: Path) -> Path:
    os.mkfifo(path / "fifo")
    return path / "fifo"


def linked(path: Path) -> Path:
    (path / "link").symlink_to(fifo(path))
    return path / "link"


UNFIT: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a FIFO": (fifo, "a device or a pipe"),
    "a link to one": (linked, "a device or a pipe"),
    "a device": (lambda _: Path("/dev/null"), "a device or a pipe"),
    "standard output": (lambda _: Path("/dev/stdout"), "a device or a pipe"),
    "a descriptor": (lambda _: Path("/proc/self/fd/1"), "a device or a pipe"),
    "a folder": (lambda path: path, "it is a folder"),
    "a missing folder": (lambda path: path / "none" / "m.prom", "none does not exist"),
    "a file for a folder": (lambda path: path / "c.yaml" / "m.prom", "c.yaml does not exist"),
    "another file": (lambda path: path / "c.yaml", "was not written by inventory"),
}


@pytest.mark.parametrize(("make", "said"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_hold_metrics_is_refused_before_the_night(
    make: Callable[[Path], Path], said: str, server: DrsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", server.token)
    Export(server, tmp_path, lambda *_: None).configured()  # type: ignore[arg-type]
    path = make(tmp_path)
    code, out, err = export("--metrics-file", str(path))
    assert (code, out) == (64, "")
    assert str(path) in err
    assert said in err
    assert err.startswith("error: ")
    assert (server.requests, (tmp_path / "x.db").exists()) == ([], False)


def test_metrics_go_where_a_link_leads(tmp_path: Path) -> None:
    recorded("a")
    configured(replay("a"))
    (tmp_path / "link.prom").symlink_to(tmp_path / "m.prom")
    assert export("--metrics-file", "link.prom")[0] == 0
    assert (tmp_path / "link.prom").is_symlink()
    assert metrics()["last_run_exit_code"] == 0


def test_the_watcher_is_told_of_the_start_and_the_end() -> None:
    recorded("a")
    with Web(lambda _: Reply()) as web:
        ping = {name: f"{web.url}/{name}" for name in ("start", "success", "failure")}
        configured(replay("a"), ping=ping)
        assert export()[0] == 0
        assert [request.path for request in web.sent] == ["/start", "/success"]
        configured(broken("wrong"), ping=ping)
        assert export()[0] == 1
        assert [request.path for request in web.sent[2:]] == ["/start", "/failure"]


def test_a_watcher_that_is_away_is_a_warning() -> None:
    recorded("a")
    with Web(lambda _: Reply(status=404)) as web:
        configured(replay("a"), ping={"start": f"{web.url}/s3cret", "success": f"{web.url}/s3cret"})
        code, _, err = export()
        assert (code, err.splitlines()) == (
            0,
            [
                f"warning: the address under ping.{name} was not notified: it answered 404"
                for name in ("start", "success")
            ],
        )
        assert export(root=("-q",)) == (0, "", "")
        told = events(export(root=("--log-format", "json"))[2])
        assert [event["event"] for event in told] == ["started", "skipped", "warning", "warning", "finished"]


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_is_told_in_the_log_s_format(
    server: DrsServer, inventory: Command, tmp_path: Path, style: str, number: signal.Signals
) -> None:
    server.latency = 30
    night = Export(server, tmp_path, inventory)
    with night.started("--metrics-file", "m.prom", log=style) as process:
        until = time.monotonic() + 30
        while not server.requests and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    said = f"stopped by {number.name}; what was not finished was not written"
    if style == "text":
        assert err == f"error: {said}\n"
        return
    *_, failed, last = events(err)
    assert (failed["event"], failed["error"]) == ("failed", said)
    assert last.keys() == CLOSING
    assert (last["event"], last["code"], last["left_out"], last["not_complete"]) == ("finished", 1, 1, ["live"])
    assert failed["run_id"] == last["run_id"]


def test_what_was_done_before_a_signal_counts(server: DrsServer, inventory: Command, tmp_path: Path) -> None:
    server.latency = 30
    night = Export(server, tmp_path, inventory)
    configure = night.configured
    night.configured = lambda **keys: configure([replay("done", recorded("done"))], **keys)  # type: ignore[method-assign]
    with night.started(log="json") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("done: snapshot 1")
        time.sleep(1)  # it is printed a moment before it is counted
        process.terminate()
        _, err = process.communicate(timeout=30)
    last = events(err)[-1]
    assert last["event"] == "finished", err
    assert [last[name] for name in ("code", "complete", "left_out")] == [1, 1, 1]
    assert last["not_complete"] == ["live"]


def test_a_source_that_another_run_has_is_counted_apart() -> None:
    recorded("a")
    recorded("b")
    configured(replay("a"), replay("b"))
    with open_store(DATABASE, write=True) as store, source_lock(store, "a", 0, Stop()):
        code, _, err = export(root=("--log-format", "json"))
    last = events(err)[-1]
    assert (code, last["code"], last["busy"], last["complete"], last["failed"]) == (75, 75, 1, 1, 0)


def as_declared(event: dict[str, Any]) -> str:
    """Return what an event has that the list of events has not, or lacks; '' if it is as declared."""
    declared = DECLARED.get(event["event"])
    if declared is None:
        return f"{event['event']} is not declared"
    fields = event.keys() - COMMON.keys()
    strange = sorted(fields - declared.fields.keys() - {"run_id"})
    missing = sorted(declared.fields.keys() - declared.optional - fields)
    wrong = [] if event["level"] in declared.levels else [event["level"]]
    return f"{event['event']}: {strange} {missing} {wrong}" if strange or missing or wrong else ""


def test_every_event_is_as_declared(server: DrsServer, tmp_path: Path, inventory: Command) -> None:
    """Of real runs: some that are read over the network, with each kind of trouble, and recordings."""
    server.faults += [
        Fault("status", status=503, times=1),
        Fault("reset", times=2, when=lambda request: bool(request.jobs)),
        Fault("poison", job_id=min(server.jobs), times=None),
    ]
    live = Export(server, tmp_path, inventory).source(retry_seconds=3)
    live["auth"] = {"token": server.token}
    recorded("a", unread=1)
    configured(live, replay("a"), broken("wrong"), ping={"failure": "http://127.0.0.1:1/"})
    words = ("--config", "c.yaml", "--database", DATABASE, "--log-format", "json")
    found = events(run(*words, "-v", "export")[2]) + events(run(*words, "export", "--source", "a")[2])
    server.latency = 1.5
    found += events(run(*words, "export", "--deadline", "1s")[2])
    assert {event["event"] for event in found} >= {
        "started", "signing in", "answer", "no answer", "retrying", "last round", "left out", "exported", "skipped",
        "partial", "unread", "failed", "warning", "finished",
    }  # fmt: skip
    assert [said for event in found if (said := as_declared(event))] == []


def logged() -> dict[str, list[tuple[set[str], set[str], bool]]]:
    """Return of each call of the logger in the code, by event: levels, fields, and whether it has more (`**`)."""
    found: dict[str, list[tuple[set[str], set[str], bool]]] = {}
    for path in (ROOT / "inventory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant | ast.Name):
                continue
            called = ast.unparse(node.func)
            levels = set(re.findall(r"(?:logger\(\)|\blog|_log)\.(debug|info|warning|error)\b", called))
            first = node.args[1] if called == "logger().log" else node.args[0]
            if called == "logger().log":
                levels = {"warning", "error"}
            if levels:
                assert isinstance(first, ast.Constant) and isinstance(first.value, str), (
                    f"{path}:{node.lineno}: an event has a fixed name"
                )
                names = {each.arg for each in node.keywords if each.arg}
                more = any(each.arg is None for each in node.keywords)
                found.setdefault(first.value, []).append((levels, names, more))
    return found


def test_the_code_logs_what_is_declared_and_nothing_else() -> None:
    found = logged()
    assert found.keys() == DECLARED.keys()
    for name, calls in found.items():
        declared = DECLARED[name]
        for levels, names, more in calls:
            assert levels <= {*declared.levels}, name
            fields = {{"exc_info": "exception"}.get(each, each) for each in names}
            assert fields <= declared.fields.keys(), name
            assert more or fields >= declared.fields.keys() - declared.optional - {"run_id", "source"}, name


NAME = "DRS 😀 重庆 é"
DOCUMENT = {"count": 1, "results": [{"id": "j000", "name": NAME}]}
ESCAPED = {
    "gbk": "DRS \\ud83d\\ude00 重庆 é", "latin-1": "DRS \\ud83d\\ude00 \\u91cd\\u5e86 é",
    "ascii": "DRS \\ud83d\\ude00 \\u91cd\\u5e86 \\u00e9", "utf-8": NAME, "utf-16": NAME,
}  # fmt: skip


@pytest.mark.parametrize("encoding", ESCAPED)
def test_an_output_that_cannot_encode_a_name(encoding: str) -> None:
    write_page(Path("a"), 1, ["j000"], DOCUMENT)
    configured(replay("a"))
    assert export()[0] == 0
    shown = ESCAPED[encoding]
    for words in (("show",), ("show", "j000"), ("diff",), ("diff", "--format", "markdown"), ("log", "j000")):
        code, out, _ = run("--database", DATABASE, *words, encoding=encoding)
        assert (code, shown in out) == (0, True), words
    for words in (("show", "--json"), ("diff", "--format", "json")):
        _, out, _ = run("--database", DATABASE, *words, encoding=encoding)
        assert NAME in json.dumps(json.loads(out), ensure_ascii=False)
    _, out, _ = run("--database", DATABASE, "diff", "--format", "html", encoding=encoding)
    page = out.encode(encoding)
    if encoding == "utf-8":
        assert NAME in out
    elif encoding != "utf-16":
        assert page.isascii()  # and so UTF-8, as the page says
        assert "DRS &#128512; &#37325;&#24198; &#233;" in out


def test_an_error_that_cannot_be_encoded_is_told(tmp_path: Path) -> None:
    (tmp_path / "重庆 😀.yaml").write_text("sauces: 1")
    code, _, err = run("--config", "重庆 😀.yaml", "show", encoding="latin-1")
    assert (code, "\\u91cd\\u5e86 \\ud83d\\ude00.yaml" in err) == (64, True)


def test_a_real_output_in_gbk() -> None:
    write_page(Path("a"), 1, ["j000"], DOCUMENT)
    configured(replay("a"))
    assert export()[0] == 0
    words = ["inventory", "--database", DATABASE, "show"]
    code = f"import sys; sys.argv = {words!r}; from inventory.cli import main; main()"
    environment = {**os.environ, "PYTHONIOENCODING": "gbk", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environment)
    assert (done.returncode, ESCAPED["gbk"] in done.stdout.decode("gbk")) == (0, True), done.stderr
