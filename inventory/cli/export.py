"""`export`: the nightly job."""

import logging
import sys
from typing import Any

import click

from inventory.cli.base import Options, safe, sources_option
from inventory.errors import InventoryError, UsageError

__all__ = ["export"]


@click.command()
@sources_option
@click.option("--require-complete", is_flag=True, help="Write nothing of a source where a job could not be read.")
@click.option("--max-removals", metavar="P%", help="Refuse more removals than this share of a source's known jobs.")
@click.pass_obj
def export(options: Options, names: tuple[str, ...], require_complete: bool, max_removals: str | None) -> int:
    """Read every source and write a snapshot of each; the nightly job."""
    import uuid

    import structlog

    from inventory import log
    from inventory.collect import Limits, export_source, worst
    from inventory.config import select
    from inventory.render.snapshots import summary
    from inventory.store.migrate import prepare

    limits = Limits(require_complete, _share(max_removals))
    settings = options.settings(for_export=True)
    sources = select(settings, names)
    log.set_up(options.log_format, logging.DEBUG if options.verbose else logging.WARNING)
    run_id = str(uuid.uuid4())
    codes = []
    with options.open(settings, write=True, ready=False) as store:
        copy = prepare(store)
        if copy is not None:
            options.tell(f"The database was upgraded; {copy} is a copy of it as it was.")
        for source in sources:
            logger = structlog.get_logger().bind(run_id=run_id, source=source.name)
            try:
                with _progress(source.name, quiet=options.quiet) as progress:
                    for result in export_source(source, settings, store, limits, progress, run_id):
                        progress.close()
                        for line in summary(source.name, result):
                            options.say(line)
                        row = result.snapshot or {}
                        known = ("id", "jobs", "added", "changed", "removed", "unreadable", "digest")
                        logger.info("exported", recording=result.label, **{name: row.get(name) for name in known})
                        codes.append(3 if row.get("unreadable") else 0)
            except UsageError:
                raise
            except InventoryError as error:
                click.echo(safe(f"error: {source.name}: {error}"), err=True)
                codes.append(error.exit_code)
    return worst(codes)


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


class _progress:  # noqa: N801  # used as a function
    """A bar on stderr in a terminal; nothing elsewhere."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label = label
        self._shown = sys.stderr.isatty() and not quiet
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> "_progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        if not self._shown:
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=safe(self._label), file=sys.stderr, show_pos=True)
            self._bar.__enter__()
            self._done = 0
        self._bar.update(done - self._done)
        self._done = done

    def close(self) -> None:
        """Take the bar away before anything else is printed."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
