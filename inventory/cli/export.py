"""`export`: the nightly job."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inventory.cli.base import (
    Options,
    begin_signing_option,
    checked_signer,
    deadline_option,
    echo_document,
    json_option,
    lock_timeout_option,
    output_option,
    sources_option,
)
from inventory.cli.group import command
from inventory.common.errors import ConfigError, InventoryError, StoppedError, StoreError, UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from inventory.cli.report import Report
    from inventory.common.cancellation import Stop
    from inventory.config.settings import Settings, Source
    from inventory.export.flow import Limits
    from inventory.export.pool import NormaliserPool
    from inventory.export.watch import Watch
    from inventory.store.engine import Store

__all__ = ["export"]


@dataclass(frozen=True)
class _Asked:
    """The options of the command line, as they were given."""

    names: tuple[str, ...]
    shard: str | None
    record: Path | None
    require_complete: bool
    max_removals: str | None
    max_deselections: str | None
    begin_signing: bool
    lock_timeout: int
    deadline: float | None


@command(
    examples=[
        "inventory export",
        "inventory export --source prod --metrics-file /var/lib/metrics/drs.prom",
        "inventory export --replay night-1 --replay night-2 --source prod",
    ],
    short_help="Read every source and write a snapshot of each.",
)
@sources_option
@click.option("--shard", metavar="I/N", help="Only this part of the sources; auto/N in a Kubernetes indexed Job.")
@click.option(
    "--replay", "recordings", metavar="DIR", multiple=True, type=click.Path(path_type=Path),
    help="Read this recording, without a configuration, as a source named after DIR, or by --source; repeatable.",
)  # fmt: skip
@click.option("--record", metavar="DIR", type=click.Path(path_type=Path), help="Write each page to DIR/SOURCE, masked.")
@click.option("--require-complete", is_flag=True, help="Write nothing of a source where a job could not be read.")
@click.option("--max-removals", metavar="P%", help="Refuse more removals than this share of a source's known jobs.")
@click.option("--max-deselections", metavar="P%", help="The same for jobs that are no longer in the configuration.")
@begin_signing_option
@lock_timeout_option
@deadline_option
@click.option("--metrics-file", metavar="F", type=click.Path(path_type=Path), help="Write a Prometheus text file.")
@click.option("--dry-run", is_flag=True, help="Write nothing, and show what would change, as `plan` does.")
@output_option
@json_option
@click.pass_context
def export(
    context: click.Context, /, recordings: tuple[Path, ...], metrics_file: Path | None, dry_run: bool, as_json: bool,
    **given: Any,
) -> int:  # fmt: skip
    """Read every source and write a snapshot of each; the nightly job."""
    if recordings:
        _replay(context.obj, recordings, given["names"])
        given["names"] = ()
    if dry_run:
        from inventory.cli.changes import plan

        return int(context.invoke(plan, names=given["names"], as_json=as_json))
    return _export(context.obj, metrics_file, _Asked(**given), as_json=as_json)


def _replay(options: Options, recordings: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Use recordings in place of a configuration.

    Raises:
        UsageError: a configuration is named too, several names are given, or a folder is no recording.
    """
    from inventory.config.load import DEFAULT_FILE
    from inventory.config.recordings import replay_settings

    if options.config:
        raise UsageError("--replay reads no configuration", "Leave out --config, or name the recordings in it: replay")
    if len(names) > 1:
        raise UsageError("--replay takes one --source, which names the recordings", "Run it once for each source")
    options.replay = replay_settings(recordings, names[0] if names else None)
    unread = os.environ.get("INVENTORY_CONFIG") or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else "")
    if unread:
        options.warn(f"{unread} is not read, because of --replay; not even its database")


def _export(options: Options, metrics_file: Path | None, asked: "_Asked", *, as_json: bool) -> int:
    from inventory.cli.report import Report
    from inventory.common.cancellation import Stop
    from inventory.export.watch import Watch

    stop, watch = Stop(), Watch(metrics_file)
    with Report(options, as_json=as_json) as report:
        error = report.attempt(stop, lambda: _read_all(options, report, watch, stop, asked))
        code = _ended(options, report, watch, error)
        if as_json:
            echo_document(options, code, **report.document(code))
        return code


def _read_all(options: Options, report: "Report", watch: "Watch", stop: "Stop", asked: _Asked) -> None:
    """Do all that a night does but tell of its end; what ends it early is raised."""
    from inventory.export.pool import NormaliserPool

    settings = options.settings(for_export=True, standard_input=lambda: sys.stdin)
    watch.settings = settings = replace(settings, deadline=asked.deadline or settings.deadline)
    watch.check()
    limits = _limits(asked)
    checked_signer(settings, asked.begin_signing)
    if settings.check_after_export:
        from inventory.cli.check import rules_of

        rules_of(settings)  # refuses what is wrong before the night
    sources = _chosen(settings, asked.names, asked.shard)
    watch.names = report.names = [source.name for source in sources]
    with NormaliserPool(settings) as pool:
        pool.start(sources)  # before there are threads, and while the rest is imported
        report.log(settings.secrets)
        if watch.metrics_file is not None:
            from inventory.export.metrics import check

            check(watch.metrics_file)
        watch.start(stop)
        report.trace(watch.telemetry)
        _run(options, report, watch, stop, sources, pool, limits, asked)


def _run(
    options: Options, report: "Report", watch: "Watch", stop: "Stop", sources: "list[Source]", pool: "NormaliserPool",
    limits: "Limits", asked: _Asked,
) -> None:  # fmt: skip
    from inventory.cli.progress import Progress
    from inventory.export.flow import Run
    from inventory.export.run import export_all
    from inventory.proof.signature import SigningKey
    from inventory.source.auth import AuthCache
    from inventory.store.migrate import prepare

    shown, settings = sys.stderr.isatty() and not options.quiet, watch.settings
    time = stop.within(settings.deadline, "the run")
    patience = max((source.retry_seconds for source in sources), default=0)
    with options.open(settings, write=True, ready=False).with_retry(patience, stop) as store:
        copy = prepare(store)
        if copy is not None:
            options.echo_err(f"Upgraded the database; a copy of it as it was is {copy}.")
        with Progress("export", shown) as progress:
            report.clear = progress.close

            def advance(source: str, done: int, total: int) -> None:
                progress.advance(source, done, total)
                watch.advance(source, done, total)

            run = Run(
                settings, store, limits, stop, time, AuthCache(time), pool, report.run_id, advance,
                asked.record, asked.lock_timeout, SigningKey.of(settings.signing_key), asked.begin_signing,
            )  # fmt: skip
            export_all(sources, run, report)
        if watch.metrics_file is not None:
            from inventory.store.reader import last_success

            with suppress(StoreError):  # a database that is away by now: its sources have told so
                found = last_success(store)
                watch.last_success = {name: found.get(name) for name in watch.names}
        if settings.check_after_export:
            _check(report, watch, store)


def _check(report: "Report", watch: "Watch", store: "Store") -> None:
    """Check the sources of the run; what goes wrong is told, and leaves what was exported as it is."""
    from inventory.cli.check import check_exported
    from inventory.report.checks.checked import open_results

    try:
        checked, fails = check_exported(store, watch.settings, watch.names)
    except StoppedError:
        raise
    except InventoryError as error:
        report.not_checked(error)
    else:
        watch.checks = open_results(checked)
        report.checked(checked, fails=fails)


def _ended(options: Options, report: "Report", watch: "Watch", error: InventoryError | None) -> int:
    """Tell people and watchers how the run ended; return the exit code."""
    from inventory.config.settings import Settings

    if isinstance(error, ConfigError) and isinstance(error.settings, Settings):
        watch.settings = error.settings
    if error is not None:
        report.ended_by(error, watch.settings.secrets)
        code = error.exit_code
    else:
        from inventory.export.run import worst

        code = worst([*report.codes.values(), report.check_code])
    watch.stopping(code)
    watch.outcomes = report.outcomes
    hurry = isinstance(error, StoppedError)
    complaints = watch.metrics(code, error)
    if hurry:  # the process ends within a second: what is least certain comes last
        report.finished(code)
        watch.ping(code, hurry=True)
        watch.trace(code, error, hurry=True)
        return code
    report.trace(watch.telemetry)  # unless that was done: what ended the run may have come before
    for complaint in [*complaints, *watch.ping(code), *watch.trace(code, error)]:
        options.warn(complaint, code)
    report.finished(code)
    return code


def _chosen(settings: "Settings", names: tuple[str, ...], shard: str | None) -> "list[Source]":
    from inventory.config.load import select
    from inventory.config.shard import Shard

    sources = select(settings, names)
    if shard is None:
        return list(sources)
    mine = set(Shard.parse(shard, os.environ).pick(source.name for source in settings.sources))
    return [source for source in sources if source.name in mine]


def _limits(asked: _Asked) -> "Limits":
    from inventory.export.flow import Limits

    return Limits(
        asked.require_complete,
        _share(asked.max_removals, "--max-removals"),
        _share(asked.max_deselections, "--max-deselections"),
    )


def _share(text: str | None, option: str) -> "Decimal | None":
    """Read a percentage exactly, so that a job more or less decides."""
    from decimal import Decimal

    if text is None:
        return None
    try:
        share = Decimal(text.removesuffix("%")) / 100
        if not 0 <= share <= 1:
            raise ValueError
    except (ArithmeticError, ValueError):
        raise UsageError(f"{option} takes a share from 0% to 100%, such as 50%") from None
    return share
