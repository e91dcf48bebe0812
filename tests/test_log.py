"""The log, written by real processes: one event a line, and no secret in any of them."""

import json
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import program

Run = Callable[..., list[str]]
STYLES = pytest.mark.parametrize("style", ["text", "json"])
SET_UP = "from inventory.cli.log_setup import set_up"
UTF_8 = "import sys; sys.stderr.reconfigure(encoding='utf-8')\n"
SECRETS = [
    "plainsecret1",
    "q\"uo\\te'd/p@ss wörd+%&<\n\t\x01\u2028😀",
    "\\\\lots\\\"of\\\\'backslashes\\n",
    "123456",
    "plainsecret1-longer",
]


@pytest.fixture
def run() -> Run:
    """Run a program after `set_up` and return the lines of its log."""

    def run(code: str, style: str = "json", level: str = "DEBUG", secrets: list[str] = SECRETS) -> list[str]:
        head = f"import logging, sys\nfrom inventory.common import log\n{SET_UP}\nSECRETS = {secrets!r}\n"
        words = f"{UTF_8}{head}set_up({style!r}, logging.{level}, SECRETS)\n{code}"
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = program(words, stdout=out, stderr=err).wait(60)
            for file in out, err:
                file.seek(0)
            told, text = out.read(), err.read().decode()
        assert (done, told) == (0, b""), text
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    return run


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_an_event_as_json(run: Run) -> None:
    (event,) = events(run("log.logger().info('page', source='north', attempt=2, duration=0.25, jobs=None, ok=True)"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event.pop("timestamp"))
    assert event == {
        "event": "page", "level": "info", "source": "north", "attempt": 2, "duration": 0.25, "jobs": None, "ok": True,
    }  # fmt: skip


def test_an_event_as_text(run: Run) -> None:
    (line,) = run("log.logger().warning('page', source='my north', attempt=2, of=['a', 1], region='é')", "text")
    assert line.split(" ", 1)[1] == 'warning page attempt=2 of=["a", 1] region=é source="my north"'


@pytest.mark.parametrize(("attempts", "said"), [(", attempts=3", "attempt 1 of 3"), ("", "attempt 1")])
def test_a_retry_is_told_in_a_sentence(run: Run, attempts: str, said: str) -> None:
    fields = f"host='drs.example', call='list', attempt=1, pause=0.5, why='no answer: connection refused'{attempts}"
    (line,) = run(f"log.logger().warning('retrying', {fields})", "text")
    why = '"no answer: connection refused"'
    assert line.split(" ", 1)[1] == f"warning retrying the list request in 0.5 s: {said} failed: {why} host=drs.example"
    (event,) = events(run(f"log.logger().warning('retrying', {fields})"))
    assert (event["event"], event["attempt"]) == ("retrying", 1)


def test_the_level_is_the_least_shown(run: Run) -> None:
    lines = run("for name in ('debug', 'info', 'warning', 'error'): getattr(log.logger(), name)('x')", level="WARNING")
    assert [event["level"] for event in events(lines)] == ["warning", "error"]


@STYLES
def test_text_from_the_service_can_forge_neither_line_nor_field(style: str, run: Run) -> None:
    hostile = 'a\nb\r\x1b[2J\x85\u2028\u202e\x00 jobs=0" level=error \ud800'
    lines = run(f"log.logger().info({hostile!r}, name={hostile!r}, inside=[{{{hostile!r}: {hostile!r}}}])", style)
    (line,) = lines
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    if style == "json":
        event = json.loads(line)
        assert event["event"] == event["name"] == hostile
        assert event["inside"] == [{hostile: hostile}]
    else:
        assert ' name="a\\nb' in line


PLANTED = """
import json
from urllib.parse import quote, quote_plus
forms = [f(s) for s in SECRETS for f in (
    str, repr, ascii, json.dumps, lambda s: json.dumps(s, ensure_ascii=False), lambda s: json.dumps(json.dumps(s)),
    quote, quote_plus, lambda s: quote(s, safe=""), lambda s: quote(s, safe="!$&'()*+,;=:/?[]@"),
    lambda s: quote(s, safe="").lower(), lambda s: json.dumps(quote(s)))]
class Odd:
    def __init__(self, form): self.form = form
    def __str__(self): return f"Odd({self.form})"
    __repr__ = __str__
def tell(forms):
    for form in forms:
        log.logger().info(f"x{form}y", text=f"x{form}y", deep=[{form: (form, {"a": Odd(form)})}], odd=Odd(form))
        with log.bound(source=form):
            log.logger().info("bound")
        try:
            try:
                raise ValueError(form)
            except ValueError as error:
                raise RuntimeError("outer " + form) from error
        except RuntimeError:
            log.logger().exception("failed")
            logging.getLogger("httpx").error("failed %s", form, exc_info=True)
    log.logger().info("number", number=123456, more=1234567.5)
"""


@STYLES
def test_no_secret_in_whatever_form(style: str, run: Run) -> None:
    lines = run(PLANTED + "tell(forms)", style)
    assert len(lines) == 4 * 12 * len(SECRETS) + 1
    text = "\n".join(lines)
    for part in ("plainsecret", "-longer", "uo", "backslashes", "lots", "wörd", "w%", "123456"):
        assert part not in text.lower(), part
    assert text.count("***") >= 5 * 12 * len(SECRETS)


def test_short_ones_are_no_secrets(run: Run) -> None:
    (event,) = events(run("log.logger().info('abc', of='abcd')", secrets=["", "abc", "abcd"]))
    assert (event["event"], event["of"]) == ("abc", "***")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("text='password=hunter2 for u'", {"text": "password=*** for u"}),
        ("text='postgresql://u:hunter2@h/d'", {"text": "postgresql://u:***@h/d"}),
        ("db_password='hunter2'", {"db_password": "***"}),
        ("body={'a': [{'Access-Key': 'hunter2', 'b': 'identified by hunter2'}]}",
         {"body": {"a": [{"Access-Key": "***", "b": "identified by ***"}]}}),
    ],
)  # fmt: skip
def test_what_reads_like_a_password_is_masked_too(given: str, shown: dict[str, Any], run: Run) -> None:
    (event,) = events(run(f"log.logger().info('x', {given})"))
    assert {name: event[name] for name in shown} == shown


@STYLES
def test_an_exception_is_one_line_with_its_cause(style: str, run: Run) -> None:
    (line,) = run("""
try:
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("not there") from error
except ValueError:
    log.logger().exception("failed", source="north")
""", style)  # fmt: skip
    assert "KeyError: 'missing'\\n" in line
    assert "ValueError: not there" in line


THREADS = """
from concurrent.futures import ThreadPoolExecutor
def work(number):
    with log.bound(run_id="r", source=f"s{number}"):
        for attempt in range(200):
            log.logger().info("request", attempt=attempt, padding="x" * (attempt * 50), why="password=plainsecret1")
with ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(8)))
log.logger().info("done")
"""


@STYLES
def test_threads_never_interleave_and_keep_their_own_fields(style: str, run: Run) -> None:
    lines = run(THREADS, style)
    assert len(lines) == 8 * 200 + 1
    pattern = r'info    request attempt=(\d+) padding=(x+|"") run_id=r source=(s\d) why="password=\*\*\*"'
    seen = set()
    for line in lines[:-1]:
        if style == "json":
            event = json.loads(line)
            found = event["attempt"], event["padding"], event["source"]
        else:
            match = re.fullmatch(r"\S+ " + pattern, line)
            assert match, line
            found = int(match[1]), match[2].strip('"'), match[3]
        assert len(found[1]) == found[0] * 50
        seen.add((found[0], found[2]))
    assert len(seen) == 8 * 200
    assert "source" not in lines[-1]


def test_libraries_say_nothing_of_their_own(run: Run) -> None:
    lines = run("""
import warnings
for name in ("httpx", "httpcore.http11", "alembic.runtime.migration", "filelock", "sqlalchemy.engine"):
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).debug("chatter")
logging.getLogger("filelock").warning("about %s", "password=hunter2")
logging.getLogger("alembic").critical("bad")
logging.getLogger("odd").log(35, "between")
warnings.warn("mind this", UserWarning)
""")
    assert {event["event"] for event in events(lines)} == {"library"}
    found = [(event["level"], event["library"], event["text"]) for event in events(lines)]
    assert found[:3] == [
        ("warning", "filelock", "about password=***"), ("error", "alembic", "bad"), ("warning", "odd", "between"),
    ]  # fmt: skip
    assert found[3][:2] == ("warning", "py.warnings")
    assert "UserWarning: mind this" in found[3][2]
    assert len(found) == 4


def test_a_log_that_cannot_be_written_fails_nothing(run: Run) -> None:
    assert run("import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 2)\nlog.logger().error('x')\nos._exit(0)") == []


def test_in_a_terminal_the_bar_is_taken_away_before_the_line() -> None:
    leader, follower = os.openpty()
    code = f"from inventory.common import log\n{SET_UP}\nset_up('json', 0); log.logger().info('x')"
    assert program(code, stderr=follower).wait(60) == 0
    assert os.read(leader, 999).startswith(b'\r\x1b[K{"event": "x"')
    os.close(leader)
    os.close(follower)
