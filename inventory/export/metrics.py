"""A Prometheus text file of the last run, for the node exporter's textfile collector.

Lines of earlier runs are kept where this run has no newer value: all lines of a source that it did not export, and the
snapshot lines of a source of which it wrote nothing. The file is read and then replaced by rename, so runs that may
end at the same moment need separate files.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily, Sample
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from inventory.common.errors import InventoryError, UsageError
from inventory.common.safe_text import clean
from inventory.export.outcome import OpenResults, SourceOutcome

__all__ = ["MEANINGS", "WRITTEN", "check", "samples_of", "write"]

# Written by every run, without labels:
_RUN_GAUGES = {
    "inventory_last_run_exit_code": "Exit code of the last run.",
    "inventory_last_run_timestamp_seconds": "When the last run ended, Unix time.",
}
# Gauge -> help text and labels besides `source`. Written for every source of the run:
_EXPORT_GAUGES: dict[str, tuple[str, ...]] = {
    "inventory_export_success": ("Whether the last export ended with exit code 0: 1 or 0.",),
    "inventory_export_exit_code": ("Exit code of the last export of the source.",),
    "inventory_export_duration_seconds": ("How long the last export took.",),
    "inventory_throttles": ("Answers of the last export that asked for patience.",),
}
# Written if the database could be read:
_DATABASE_GAUGES: dict[str, tuple[str, ...]] = {
    "inventory_last_success_timestamp_seconds": ("When the last complete snapshot was observed, Unix time; 0: never.",),
}
# Written if a snapshot was written:
_SNAPSHOT_GAUGES: dict[str, tuple[str, ...]] = {
    "inventory_jobs": ("Jobs in the last snapshot, carried over ones included.",),
    "inventory_unreadable_jobs": ("Jobs that could not be read for the last snapshot.",),
    "inventory_requests": ("Requests sent for the last snapshot, retries included.",),
    "inventory_retries": ("Requests sent again for the last snapshot.",),
    "inventory_changes": ("Jobs that the last snapshot saw changed, by what became of them.", "action"),
    "inventory_findings": ("Findings of the last snapshot, by kind.", "kind"),
    "inventory_snapshot_info": ("The last snapshot; always 1.", "snapshot", "digest", "content_digest"),
}
# Written if the sources were checked after the export:
_CHECK_GAUGES: dict[str, tuple[str, ...]] = {
    "inventory_check_open": ("Open results of check, without the waived.", "rule", "severity"),
    "inventory_check_oldest_seconds": ("Age of the oldest open result of check; 0: none is open.",),
}
# Written by every run, beside those without labels:
_BUILD_GAUGES: dict[str, tuple[str, ...]] = {
    "inventory_build_info": ("The version that wrote this; always 1.", "version"),
}
_GAUGES = _DATABASE_GAUGES | _EXPORT_GAUGES | _SNAPSHOT_GAUGES | _CHECK_GAUGES
MEANINGS = _RUN_GAUGES | {name: meaning for name, (meaning, *_) in _GAUGES.items()}  # of every gauge, its help text

# When a gauge is written -> gauge -> help text and labels.
WRITTEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "by every run": {name: (meaning,) for name, meaning in _RUN_GAUGES.items()} | _BUILD_GAUGES,
    "for each source of the run": _EXPORT_GAUGES,
    "for each source, if the database could be read": _DATABASE_GAUGES,
    "for each source of which a snapshot was written": _SNAPSHOT_GAUGES,
    "for each source that was checked after the export": _CHECK_GAUGES,
}


def check(path: Path) -> None:
    """Check before the run that `write` can replace the file.

    Raises:
        UsageError: it is not a metrics file of inventory.
    """
    try:
        list(_existing(path))
    except InventoryError as error:
        raise UsageError(error.summary, error.hint) from None


def write(
    path: Path, outcomes: list[SourceOutcome], last_success: Mapping[str, datetime | None], version: str,
    code: int, ended: datetime, checks: Sequence[OpenResults] = (),
) -> None:  # fmt: skip
    """Replace the file atomically.

    Args:
        last_success: source -> time of its last complete snapshot, None if it has none; a source is left out if the
            database could not be read.
        code: the exit code of the run.
        ended: when the run ended.
        checks: of the sources that were checked, each rule.

    Raises:
        InventoryError: the file cannot be written, or is not a metrics file of inventory.
    """
    samples = samples_of(outcomes, last_success, code, ended, checks)
    replaced: set[tuple[str, str]] = set()
    for outcome in outcomes:
        known = bool(_database_samples(outcome, last_success))
        names = _EXPORT_GAUGES | (_DATABASE_GAUGES if known else {}) | (_SNAPSHOT_GAUGES if outcome.snapshot else {})
        replaced |= {(clean(outcome.source), name) for name in names}
    replaced |= {(clean(each.source), name) for each in checks for name in _CHECK_GAUGES}
    try:
        samples += [old for old in _existing(path) if (old.labels["source"], old.name) not in replaced]
        sampled = {(sample.labels.get("source"), sample.name) for sample in samples}
        never = [_last_success(clean(outcome.source), None) for outcome in outcomes]
        samples += [each for each in never if (each.labels["source"], each.name) not in sampled]
        registry = CollectorRegistry()
        registry.register(_SampleCollector(samples, version))
        write_to_textfile(str(path.resolve()), registry)
    except OSError as error:
        raise InventoryError(
            f"the metrics file {path} cannot be written: {error.strerror}", "Its folder must exist and be writable"
        ) from error


def samples_of(
    outcomes: list[SourceOutcome], last_success: Mapping[str, datetime | None], code: int, ended: datetime,
    checks: Sequence[OpenResults] = (),
) -> list[Sample]:  # fmt: skip
    """Return the samples of this run; see `write`."""
    return [
        Sample("inventory_last_run_exit_code", {}, code),
        Sample("inventory_last_run_timestamp_seconds", {}, ended.timestamp()),
        *(each for outcome in outcomes for each in (*_samples(outcome), *_database_samples(outcome, last_success))),
        *_check_samples(checks, ended),
    ]


def _database_samples(outcome: SourceOutcome, last_success: Mapping[str, datetime | None]) -> list[Sample]:
    """Return the samples that the database gives; none if it could not be read."""
    row = outcome.snapshot
    if outcome.source in last_success:
        return [_last_success(clean(outcome.source), last_success[outcome.source])]
    if row is not None and row["status"] == "complete":  # the run was cancelled
        return [_last_success(clean(outcome.source), row["observed_to"] or row["finished_at"])]
    return []


def _last_success(source: str, last: datetime | None) -> Sample:
    """Return the sample for alerts on age; 0 if there is no success, so that they fire."""
    return Sample("inventory_last_success_timestamp_seconds", {"source": source}, last.timestamp() if last else 0)


def _check_samples(checks: Sequence[OpenResults], now: datetime) -> Iterator[Sample]:
    oldest: dict[str, float] = {}
    for each in checks:
        source, age = clean(each.source), (now - each.oldest).total_seconds() if each.oldest else 0.0
        labels = {"source": source, "rule": clean(each.rule), "severity": each.severity}
        yield Sample("inventory_check_open", labels, each.number)
        oldest[source] = max(age, oldest.get(source, 0.0))
    for source, age in oldest.items():
        yield Sample("inventory_check_oldest_seconds", {"source": source}, age)


def _samples(outcome: SourceOutcome) -> Iterator[Sample]:
    """Yield the samples of this run for a source."""

    def line(name: str, value: float, **labels: object) -> Sample:
        named = {label: clean(text) for label, text in labels.items()}
        return Sample(f"inventory_{name}", {"source": clean(outcome.source), **named}, value)

    yield line("export_success", outcome.code == 0)
    yield line("export_exit_code", outcome.code)
    yield line("export_duration_seconds", outcome.seconds)
    yield line("throttles", outcome.throttles)
    if row := outcome.snapshot:
        yield line("jobs", row["jobs"])
        yield line("unreadable_jobs", row["unreadable"])
        yield line("requests", row["requests"])
        yield line("retries", row["retries"])
        for action in ("added", "changed", "removed", "deselected"):
            yield line("changes", row[action], action=action)
        for kind, count in outcome.findings.items():
            yield line("findings", count, kind=kind)
        yield line("snapshot_info", 1, snapshot=row["id"], digest=row["digest"], content_digest=row["content_digest"])


def _existing(path: Path) -> Iterator[Sample]:
    """Yield the samples of earlier runs that this version knows.

    Raises:
        InventoryError: the file is not a metrics file of inventory.
    """
    try:
        families = list(text_string_to_metric_families(path.read_bytes().decode()))
        if any(not family.name.startswith("inventory_") for family in families):
            raise ValueError
    except FileNotFoundError:
        return
    except (ValueError, LookupError):  # raised by the parser
        raise InventoryError(
            f"the metrics file {path} was not written by inventory", "It was not changed; delete it, or name another"
        ) from None
    for family in families:
        for sample in family.samples:
            if sample.labels.keys() == {"source", *_GAUGES.get(sample.name, ("",))[1:]}:
                yield sample


class _SampleCollector(Collector):
    """Provides all samples by gauge, sorted by label."""

    def __init__(self, samples: list[Sample], version: str) -> None:
        self._samples = sorted(samples, key=lambda sample: sorted(sample.labels.items()))
        self._version = clean(version)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, meaning in MEANINGS.items():
            family = GaugeMetricFamily(name, meaning)
            family.samples = [sample for sample in self._samples if sample.name == name]
            yield family
        for name, (meaning, *labels) in _BUILD_GAUGES.items():
            build = GaugeMetricFamily(name, meaning, labels=labels)
            build.add_metric([self._version], 1)
            yield build
