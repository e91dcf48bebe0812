"""Where the run's events go: one a line on stderr, as text or JSON. Never a value of a job, never a secret.

Secrets are filtered here, in the writer, so that no caller can forget to: every value that the configuration
keeps secret, however it was escaped on its way into a message, and whatever reads like a password.
The libraries' own warnings take the same way; their lesser messages are dropped.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from threading import Lock
from typing import Any

import structlog

from inventory.common.log import everywhere, logger
from inventory.common.masks import MASK
from inventory.common.safe_text import CLEAR_LINE, clean
from inventory.normalise.redact import Redactor

__all__ = ["mask", "set_up", "set_up_unless"]

Event = MutableMapping[str, Any]

# Shorter ones would mask half of every line, and protect nothing.
SHORTEST_SECRET = 4

_styles: list[str] = []  # the one in force, once there is one


def set_up(style: str, level: int, secrets: Iterable[str] = ()) -> None:
    """Configure the process's log.

    Args:
        style: text or json.
        level: the least that is shown, as in logging.
        secrets: values that must never be shown.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _logger, _method, event: {**everywhere, **event},
            structlog.processors.format_exc_info,
            _Filter(secrets),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer() if style == "json" else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what its exceptions tell
    logging.captureWarnings(capture=True)
    _styles[:] = [style]


def set_up_unless(style: str, level: int = logging.ERROR) -> None:
    """Configure the log for who has read no configuration yet, unless it is configured in this style."""
    if _styles != [style]:
        set_up(style, level)


def mask(secrets: Iterable[str]) -> Callable[[Mapping[str, Any]], Event]:
    """Return what masks the values of named fields as the log does."""
    masking = _Filter(secrets)
    return lambda fields: masking(None, "", dict(fields))


class _Filter:
    """Masks an event's fields, at every depth, and sorts them: those of `bound` come in no order."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({each for each in secrets if len(each) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(_as_written, known)) or "(?!)")
        self._redactor = Redactor()

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        plain = {name: self._plain(value) for name, value in sorted(event.items())}
        return {name: self._redactor.undeclared(name, value) for name, value in plain.items()}

    def _plain(self, value: Any) -> Any:
        """Return what JSON can say of a value, without the known secrets."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {self._masked(name): self._plain(member) for name, member in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(item) for item in value]
        text = self._masked(value)
        return value if isinstance(value, int | float) and text == str(value) else text

    def _masked(self, value: object) -> str:
        return self._known.sub(MASK, str(value))


def _as_written(secret: str) -> str:
    """Return a pattern for a secret as it is, and as JSON, Python or a URL would write it."""
    return "".join(map(_part_as_written, re.findall(r"\\+|[^\\]", secret)))


def _part_as_written(part: str) -> str:
    if part.startswith("\\"):  # any number of them: each time it is quoted they double
        return r"(?:\\|%5[cC])+"
    if part.isascii() and part.isalnum():
        return part
    percent = "".join(f"%{byte:02x}" for byte in part.encode("utf-8", "surrogatepass"))
    escaped = [r"\\{1,8}".join(map(re.escape, each[1:-1].split("\\"))) for each in (json.dumps(part), ascii(part))]
    space = r"\+" if part == " " else "(?!)"
    return rf"(?:\\{{0,8}}{re.escape(part)}|(?i:{percent}|{'|'.join(escaped)})|{space})"


_BARE = re.compile(r"[\w.:/+%*@-]+")


def _line(_logger: object, _method: str, event: Event) -> str:
    head = f"{event.pop('timestamp')} {event.pop('level'):<7} {event.pop('event')}"
    if head.endswith(" retrying") and event.keys() >= {"call", "attempt", "pause", "why"}:
        most = f" of {event.pop('attempts')}" if "attempts" in event else ""
        head += (
            f" the {_word(event.pop('call'))} request in {event.pop('pause')} s: attempt {event.pop('attempt')}{most}"
        )
        head += f" failed: {_word(event.pop('why'))}"
    return clean(head + "".join(f" {name}={_word(value)}" for name, value in event.items()))


def _word(value: Any) -> str:
    """Return a value so that nobody can tell a field that was not there: quoted, where it is not one word."""
    return value if isinstance(value, str) and _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)


class _Stderr:
    """Writes each event at once and whole. A log that cannot be written fails no export."""

    _one_at_a_time = Lock()

    def msg(self, line: str) -> None:
        with self._one_at_a_time, suppress(OSError, ValueError):  # a full disk, a reader that left, a closed file
            bar = CLEAR_LINE if sys.stderr.isatty() else ""
            sys.stderr.write(f"{bar}{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


class _Libraries(logging.Handler):
    """Passes on what libraries tell through logging, and through warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        logger().log(level, "library", text=record.getMessage(), library=record.name, exc_info=record.exc_info)
