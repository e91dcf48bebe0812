"""What a run over several sources says while it runs and at its end: lines for people, or events for machines."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from inventory.cli.base import Options, complain
from inventory.cli.signals import stopping
from inventory.common.cancellation import Stop
from inventory.common.errors import ConfigError, ExitCode, InventoryError, system_refusal

if TYPE_CHECKING:
    from inventory.common.exact_json import Json
    from inventory.config.settings import Source
    from inventory.export.flow import Result
    from inventory.export.outcome import SourceOutcome
    from inventory.export.telemetry import Telemetry
    from inventory.report.checks.checked import Checked

__all__ = ["Report"]

NAMED = 20  # sources that are named at the end where they are not complete
EVENTS = 100  # jobs that have an event each where they could not be read
LONGEST = 500  # characters of why one could not
_WORDS = {0: "complete", 2: "complete", 3: "partial", 75: "busy"}  # of an exit code; any other is a failure


class Report:
    """Tells of one run. Threads may share it; every event has its `run_id`.

    names: the sources of the run. codes: the exit code of each that is done. clear: takes a progress bar away.
    check_code: the exit code of the check after the export.
    """

    def __init__(self, options: Options, *, as_json: bool = False) -> None:
        """Take how it is printed; as JSON it is one document, at the end."""
        import uuid

        self.run_id = str(uuid.uuid4())
        self.names: Sequence[str] = ()
        self.codes: dict[str, int] = {}
        self.outcomes: list[SourceOutcome] = []
        self.clear: Callable[[], None] = lambda: None
        self.check_code = ExitCode.DONE
        self._options = options
        self._as_document = as_json
        self._results: dict[str, list[Result]] = {}
        self._check: dict[str, Json] | None = None
        self._json = options.log_format == "json"
        self._began = time.monotonic()
        self._secrets: tuple[str, ...] = ()
        self._one_at_a_time = Lock()
        self._said_why = self._said_end = False

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *_: object) -> None:
        from inventory.common import log

        log.everywhere.pop("run_id", None)

    def attempt(self, stop: Stop, work: Callable[[], None]) -> InventoryError | None:
        """Do the work of the run; return what ended it before every source was done."""
        try:
            with stopping(stop, last_words=self.last_words):
                self.log()
                work()
        except InventoryError as failure:
            return failure
        except (OSError, MemoryError, RuntimeError, ImportError) as failure:
            if (refusal := system_refusal(failure)) is None:
                raise
            return InventoryError(refusal)
        return None

    def log(self, secrets: Sequence[str] = ()) -> None:
        """Start the log; again, once the configuration has told which values are secret."""
        from inventory.cli.log_setup import set_up
        from inventory.common import log

        self._secrets += tuple(secrets)
        set_up(self._options.log_format, self._options.log_level, self._secrets)
        log.everywhere["run_id"] = self.run_id

    def trace(self, telemetry: "Telemetry") -> None:
        """Start to send traces, if that is asked for; again does nothing."""
        if not telemetry.is_wanted:
            return
        from inventory.cli.log_setup import mask

        telemetry.start(self.run_id, mask(self._secrets))

    def result(self, source: "Source", result: "Result") -> None:
        """Print a result, whole; one that nobody can read is written as well. What could not be read goes to stderr."""
        from inventory.render.snapshots import summary, unread

        with self._one_at_a_time:
            self._results.setdefault(source.name, []).append(result)
        with self._one_at_a_time, suppress(OSError):  # a full disk, a reader that left
            self.clear()
            for line in () if self._as_document else summary(source.name, result):
                self._options.echo(line)
        if self._json:
            self._unread(result)
        elif lines := unread(result):
            with self._one_at_a_time:
                for line in (f"error: {source.name}: {lines[0]}", *lines[1:]):
                    complain(line)

    def _unread(self, result: "Result") -> None:
        from inventory.common.log import logger

        row = result.snapshot
        if row is None or row["status"] != "partial":
            return
        fields = {"snapshot": row["id"], "unreadable": row["unreadable"], "incomplete": result.incomplete}
        logger().error("partial", **fields)
        for job_id in sorted(result.unread)[:EVENTS]:
            logger().error("unread", job_id=job_id[:LONGEST], why=result.unread[job_id][:LONGEST])

    def document(self, code: int) -> dict[str, "Json"]:
        """Return the run as JSON: of each source how it ended, and its snapshots."""
        from inventory.render.snapshots import result_document

        outcomes = {each.source: each for each in self.outcomes}
        sources = [
            {
                "source": name,
                "code": self.codes.get(name, 1),
                "error": outcomes[name].error if name in outcomes else "",
                "left_out": name not in outcomes or outcomes[name].left_out,
                "seconds": round(outcomes[name].seconds, 3) if name in outcomes else 0,
                "snapshots": [result_document(result) for result in self._results.get(name, ())],
            }
            for name in self.names
        ]
        return {"run_id": self.run_id, "code": code, "sources": sources, "check": self._check}

    def checked(self, checked: "Checked", *, fails: bool) -> None:
        """Tell what the check after the export came to. fails: there is what it is to fail on."""
        from inventory.common.log import logger
        from inventory.render.check import as_text, summary

        has_failed = any(each.has_failed for each in checked.unknown)
        self.check_code = ExitCode.PARTIAL if has_failed else ExitCode.CHANGES if fails else ExitCode.DONE
        self._check = summary(checked)
        logger().info("checked", **self._check)
        for line in () if self._as_document else as_text(checked, checked.lines, full=False):
            self._options.echo(line)

    def not_checked(self, error: InventoryError) -> None:
        """Tell that the check after the export failed; what was exported stays."""
        self.check_code = ExitCode.PARTIAL
        self._options.warn(f"the check after the export failed: {error}", self.check_code)

    def failed(self, source: str, code: int, error: str, seconds: float) -> None:
        """Tell at once why a source failed."""
        with self._one_at_a_time:
            self._options.source_failed(source, code, error, seconds)

    def done(self, outcome: "SourceOutcome") -> None:
        """Note what became of a source."""
        self.outcomes.append(outcome)
        self.codes[outcome.source] = outcome.code

    def ended_by(self, error: InventoryError, secrets: Sequence[str] = ()) -> None:
        """Tell what ended the run before every source was done."""
        self.log(secrets)
        style = self._options.log_format
        for line in error.faults if isinstance(error, ConfigError) else [str(error)]:
            complain(f"error: {line}", style, error.exit_code)
        self._said_why = True

    def finished(self, code: int) -> None:
        """Tell how the run ended: an event always; a line for people where one of several sources is not complete."""
        from inventory.common.log import logger

        (logger().error if code and self._json else logger().info)("finished", **self._fields(code))
        if code and not self._json and len(self.names) > 1:
            complain(f"error: {self._sentence()}")
        self._said_end = True

    def last_words(self, message: str) -> str:
        """Return what is still to be said where the process must end at once; takes no lock."""
        said = []
        if self._json:
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            common = {"run_id": self.run_id, "level": "error", "timestamp": now}
            if not self._said_why:
                said.append(json.dumps({"event": "failed", "error": message, "code": 1, **common}))
            if not self._said_end:
                said.append(json.dumps({"event": "finished", **self._fields(1), **common}))
        else:
            if not self._said_why:
                said.append(f"error: {message}")
            if not self._said_end and len(self.names) > 1:
                said.append(f"error: {self._sentence()}")
        return "".join(f"{line}\n" for line in said)

    def _fields(self, code: int) -> dict[str, object]:
        tally = self._tally()
        words = ("complete", "partial", "failed", "busy", "left_out")
        return {
            "code": code, "seconds": round(time.monotonic() - self._began, 3), "sources": len(self.names),
            **{word: len(tally[word]) for word in words},
            "not_complete": [name for word in words[1:] for name in tally[word]][:NAMED],
        }  # fmt: skip

    def _sentence(self) -> str:
        tally = self._tally()
        words = [(word, names) for word, names in tally.items() if names and word != "complete"]
        parts = [f"{len(tally['complete'])} of {len(self.names)} sources are complete"]
        for word, names in words:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            parts.append(f"{len(names)} {word.replace('_', ' ')}: {', '.join(names[:NAMED])}{more}")
        return "; ".join(parts)

    def _tally(self) -> dict[str, list[str]]:
        """Return which sources are what, in the order of the configuration."""
        codes = dict(self.codes)
        found: dict[str, list[str]] = {word: [] for word in ("complete", "partial", "failed", "busy", "left_out")}
        left_out = {outcome.source for outcome in self.outcomes if outcome.left_out}
        for name in self.names:
            is_left_out = name in left_out or name not in codes
            found["left_out" if is_left_out else _WORDS.get(codes[name], "failed")].append(name)
        return found
