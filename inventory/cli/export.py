"""`export`: the nightly job."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import click

from inventory.cli.base import Options, lock_timeout_option, safe, sources_option
from inventory.errors import InventoryError, StoreError, UsageError

if TYPE_CHECKING:
    from inventory.collect import Limits, Result
    from inventory.outcome import SourceOutcome
    from inventory.settings import Settings, Source
    from inventory.watch import Watch
    from inventory.workers import Workers

__all__ = ["export"]


@click.command()
@sources_option
@click.option("--shard", metavar="I/N", help="Only this part of the sources; auto/N in a Kubernetes indexed Job.")
@click.option("--record", metavar="DIR", type=click.Path(path_type=Path), help="Write each page to DIR/SOURCE, masked.")
@click.option("--require-complete", is_flag=True, help="Write nothing of a source where a job could not be read.")
@click.option("--max-removals", metavar="P%", help="Refuse more removals than this share of a source's known jobs.")
@lock_timeout_option
@click.option("--metrics-file", metavar="F", type=click.Path(path_type=Path), help="Write a Prometheus text file.")
@click.pass_obj
def export(
    options: Options, names: tuple[str, ...], shard: str | None, record: Path | None, require_complete: bool,
    max_removals: str | None, lock_timeout: int, metrics_file: Path | None,
) -> int:  # fmt: skip
    """Read every source and write a snapshot of each; the nightly job."""
    from inventory.workers import Workers

    share = _share(max_removals)
    settings = options.settings(for_export=True, standard_input=lambda: sys.stdin)
    sources = _chosen(settings, names, shard)
    with Workers(settings) as workers:
        workers.start_early(sources)  # they come up while the rest is imported
        return _export(options, settings, sources, workers, require_complete, share, record, lock_timeout, metrics_file)


def _export(
    options: Options, settings: "Settings", sources: "list[Source]", workers: "Workers", require_complete: bool,
    share: float | None, record: Path | None, lock_timeout: int, metrics_file: Path | None,
) -> int:  # fmt: skip
    from inventory import log
    from inventory.collect import Limits
    from inventory.fleet import worst
    from inventory.watch import Watch

    log.set_up(options.log_format, options.log_level, settings.secrets)
    watch = Watch(settings, [source.name for source in sources], metrics_file)
    error: InventoryError | None = None
    try:
        _run(options, watch, sources, workers, Limits(require_complete, share), record, lock_timeout)
    except InventoryError as failure:
        error = failure
    for complaint in watch.tell(error):
        click.echo(safe(f"warning: {complaint}"), err=True)
    if error is not None:
        raise error
    return worst(outcome.code for outcome in watch.outcomes)


def _run(
    options: Options, watch: "Watch", sources: "list[Source]", workers: "Workers", limits: "Limits",
    record: Path | None, lock_timeout: int,
) -> None:  # fmt: skip
    import uuid

    from inventory.cli.progress import Progress
    from inventory.cli.signals import stopping
    from inventory.collect import Run
    from inventory.fleet import export_all
    from inventory.source.auth import Auths
    from inventory.stop import Stop
    from inventory.store.migrate import prepare

    shown, stop = sys.stderr.isatty() and not options.quiet, Stop()
    patience = max((source.retry_seconds for source in sources), default=0)
    with stopping(stop), options.open(watch.settings, write=True, ready=False).patient(patience, stop) as store:
        copy = prepare(store)
        if copy is not None:
            options.tell(f"The database was upgraded; {copy} is a copy of it as it was.")
        with Progress("export", shown) as progress:
            run = Run(
                watch.settings, store, limits, stop, Auths(stop), workers, str(uuid.uuid4()), progress.advance, record,
                lock_timeout, watch.settings.sealer,
            )  # fmt: skip
            watch.outcomes = export_all(sources, run, _printer(options, progress.close))
        for outcome in watch.outcomes:
            if outcome.error:
                _complain(options, outcome)
        if watch.metrics_file is not None:
            from inventory.store.reader import last_success

            with suppress(StoreError):  # a database that is away by now: its sources have told so
                watch.last_success = last_success(store)


def _complain(options: Options, outcome: "SourceOutcome") -> None:
    """Tell why a source was not written: in the log where machines read it, else as every command does."""
    if options.log_format == "json":
        from inventory.log import logger

        seconds = round(outcome.seconds, 3)
        logger().error("failed", source=outcome.source, code=outcome.code, error=outcome.error, seconds=seconds)
    else:
        click.echo(safe(f"error: {outcome.source}: {outcome.error}"), err=True)


def _chosen(settings: "Settings", names: tuple[str, ...], shard: str | None) -> "list[Source]":
    from inventory.config import select
    from inventory.shard import Shard

    sources = select(settings, names)
    if shard is None:
        return list(sources)
    mine = set(Shard.parse(shard, os.environ).pick(source.name for source in settings.sources))
    return [source for source in sources if source.name in mine]


def _printer(options: Options, clear: Callable[[], None]) -> "Callable[[Source, Result], None]":
    """Return what prints a result, whole, from whichever thread has it; one that nobody can read is written as well."""
    from inventory.render.snapshots import summary

    one_at_a_time = Lock()

    def told(source: "Source", result: "Result") -> None:
        with one_at_a_time, suppress(OSError):  # a full disk, a reader that left
            clear()
            for line in summary(source.name, result):
                options.say(line)

    return told


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / 100
        if not 0 <= share <= 1:
            raise ValueError
    except ValueError:
        raise UsageError("--max-removals takes a share such as 50%") from None
    return share
