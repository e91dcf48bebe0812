"""Database URLs: which can be used, what is said of the others, and what is never shown."""

import contextlib
import io
from pathlib import Path

import pytest

from inventory.cli import main
from inventory.config.database_url import check_database_url, parse_database_url, safe_url

SECRET = "s3cr3t-value"

USED = {  # URL: what is shown of it, and the parameters for PostgreSQL
    "sqlite:///x.db": ("sqlite:///x.db", {}),
    "sqlite:////var/lib/x.db": ("sqlite:////var/lib/x.db", {}),
    "sqlite+pysqlite:///x.db": ("sqlite:///x.db", {}),
    "postgresql://u@h/x": ("postgresql://u@h/x", {"host": "h", "user": "u", "dbname": "x"}),
    "postgres://h:5432/x": ("postgresql://h:5432/x", {"host": "h", "port": "5432", "dbname": "x"}),
    "postgresql+psycopg:///x": ("postgresql:///x", {"dbname": "x"}),
    "postgresql://": ("postgresql:///", {}),
    f"postgresql://u:{SECRET}@h/x": ("postgresql://u@h/x", {"password": SECRET}),
    f"postgresql://u:{SECRET}:%40%2F%3f%@h/x": ("postgresql://u@h/x", {"password": f"{SECRET}:@/?%"}),
    f"postgresql://h:1/x?user=b&password={SECRET}": (
        "postgresql://b@h:1/x",
        {"host": "h", "port": "1", "user": "b", "password": SECRET},
    ),
    f"postgresql://h/x?sslmode=require&sslpassword={SECRET}&passfile=/{SECRET}&options=-c%20{SECRET}": (
        "postgresql://h/x?sslmode=require",
        {"sslmode": "require", "sslpassword": SECRET, "options": f"-c {SECRET}"},
    ),
    f"postgresql://u:{SECRET}@h1:1,h2:2/x?target_session_attrs=read-write": (
        "postgresql://u@h1:1,h2:2/x?target_session_attrs=read-write",
        {"host": "h1,h2", "port": "1,2"},
    ),
    "postgresql://u@h1,h2:2/x": ("postgresql://u@h1,h2:2/x", {"host": "h1,h2", "port": ",2"}),
    "postgresql:///x?host=h1:1&host=h2:2": ("postgresql://h1:1,h2:2/x", {"host": "h1,h2", "port": "1,2"}),
    "postgresql://u@[::1]:5432/x": ("postgresql://u@[::1]:5432/x", {"host": "::1", "port": "5432"}),
    "postgresql:///x?host=/run/postgresql&port=5433": (
        "postgresql:///x?host=/run/postgresql&port=5433",
        {"host": "/run/postgresql", "port": "5433"},
    ),
    "postgresql://u@%2Frun%2Fpg/x": ("postgresql://u@/x?host=/run/pg", {"host": "/run/pg"}),
    "postgresql:///?service=prod": ("postgresql:///?service=prod", {"service": "prod"}),
    "postgresql://?service=prod": ("postgresql:///?service=prod", {"service": "prod"}),
    "postgresql://h:5432/x?user=a@b": ("postgresql://a@b@h:5432/x", {"user": "a@b"}),
    f"postgresql://h/x?application_name={SECRET}&password=p%26q": ("postgresql://h/x", {"password": "p&q"}),
}


@pytest.mark.parametrize("url", USED)
def test_a_url_that_can_be_used(url: str) -> None:
    shown, parameters = USED[url]
    assert check_database_url(url) is None
    assert safe_url(url) == shown
    found = dict(parse_database_url(url).parameters)
    assert {name: found[name] for name in parameters} == parameters
    assert SECRET not in shown


REFUSED = {  # URL: what is said
    "foo.db": "'foo.db' is not a database URL. Did you mean sqlite:///foo.db?",
    "nothing": "Did you mean sqlite:///nothing?",
    f"user={SECRET} password={SECRET}": "instead of key=value",
    f"u:{SECRET}@h/x": "not a database URL such as",
    "": "not a database URL such as",
    "sqlite:x.db": "three slashes are needed: sqlite:///x.db",
    "sqlite:/x.db": "three slashes are needed: sqlite:///x.db",
    "sqlite://x.db": "three slashes are needed: sqlite:///x.db",
    f"sqlite://:{SECRET}@/x.db": "three slashes are needed",
    "sqlite://": "needs the name of a file",
    "sqlite:///": "needs the name of a file",
    "sqlite:///:memory:": "needs the name of a file",
    f"sqlite:///x.db?key={SECRET}": "no parameters",
    f"sqlite+pysqlcipher://:{SECRET}@/x.db": "the driver pysqlcipher is not supported",
    f"mysql://u:{SECRET}@h/x": "mysql is not supported",
    f"postgresql+asyncpg://u:{SECRET}@h/x": "the driver asyncpg is not supported: write postgresql://",
    f"postgresql+psycopg2://u:{SECRET}@h/x": "the driver psycopg2 is not supported: write postgresql://",
    f"PostgreSQL://u:{SECRET}@h/x": "lower case: postgresql://",
    f"postgresql://u:p@{SECRET}@h/x": "@ is %40",
    f"postgresql://u:p/{SECRET}@h/x": "@ is %40",
    f"postgresql://u:p?{SECRET}@h/x": "?",
    f"postgresql://u:p?a={SECRET}@h/x": "? in a password is %3F",
    f"postgresql://u:5432?{SECRET}@h/x": "? in a password is %3F",
    f"postgresql://u:{SECRET}/x": "the port is not a number",
    f"postgresql://u:{SECRET},h:1/x": "the port is not a number",
    "postgresql://h:99999/x": "the port is not a number",
    "postgresql://h:٣/x": "the port is not a number",
    f"postgresql://h/x?port={SECRET}": "the port is not a number",
    f"postgresql://h/x&password={SECRET}": "parameters begin with ?",
    f"postgresql://h/x;password={SECRET}": "parameters begin with ?",
    f"postgresql://h/x?{SECRET}": "a parameter that PostgreSQL does not know",
    f"postgresql://h/x?password=p&{SECRET}=1": "& in a value is %26",
    f"postgresql://h/x?sslmod={SECRET}": "Did you mean sslmode?",
    f"postgresql://h/x?sslmode={SECRET}": "the parameter sslmode must be one of disable, allow",
    f"postgresql://h/x?connect_timeout={SECRET}": "connect_timeout is not a whole number",
    f"postgresql://h/x?user={SECRET}&user=b": "the parameter user is given twice",
    f"postgresql://{SECRET} h/x": "the host is not a name",
    f"postgresql://u:{SECRET}@[::1/x": "the host is not a name",
    f"postgresql://u:{SECRET}@h/x\n": "a space or a control character",
    f" postgresql://u:{SECRET}@h/x": "a space or a control character",
    f"sqlite:///{SECRET}\x00": "a space or a control character",
    f"{SECRET} x://y": "not a database URL such as",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_cannot_be_used(url: str) -> None:
    why = check_database_url(url)
    assert why is not None
    assert REFUSED[url] in why
    scheme = url.partition("://")[0]
    assert safe_url(url) in ("…", f"{scheme}://…")
    assert SECRET not in why + safe_url(url)


CONNECTING = [
    f"postgresql://127.0.0.1:1/x?user=bench&password={SECRET}",
    f"postgresql://u:{SECRET}@127.0.0.1:1,127.0.0.1:2/x",
    f"postgresql://u:{SECRET}@127.0.0.1:1/x?sslmode=require&sslpassword={SECRET}",
]


@pytest.mark.parametrize("url", [*CONNECTING, *(url for url in REFUSED if SECRET in url and "\0" not in url)])
def test_no_command_shows_a_password(url: str) -> None:
    for command in ("db upgrade", "snapshots"):
        told = failed("--database", url, *command.split(), code=1 if url in CONNECTING else 64)
        assert told.startswith("error: ")
        assert SECRET not in told


@pytest.mark.parametrize("url", [*CONNECTING, f"sqlite+pysqlcipher://:{SECRET}@/x.db", f"postgresql://u:{SECRET}/x"])
def test_doctor_shows_no_password(url: str, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("sources: [{name: s, replay: [n]}]")
    connects = url in CONNECTING
    told = failed("--database", url, "doctor", code=1 if connects else 64)
    assert ("fail database connection" in " ".join(told.split())) == connects
    assert SECRET not in told


def failed(*words: str, code: int = 1) -> str:
    """Run a command that must fail; return all that it wrote."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == code, (words, out.getvalue())
    return out.getvalue()
