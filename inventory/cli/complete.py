"""Values that a shell completes: tables, sources, snapshots. Whatever goes wrong completes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory.config.settings import Settings

__all__ = ["complete_reports", "complete_rules", "complete_snapshots", "complete_sources", "complete_tables"]

MOST = 50  # snapshots that are offered, the latest


def complete_tables(_context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the tables whose changes are compared."""
    from inventory.schema import ESTATE

    return [CompletionItem(entity.name, help=entity.comment) for entity in ESTATE if entity.name.startswith(begun)]


def complete_sources(context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the sources of the database and of the configuration."""
    found: set[str] = set()
    with suppress(Exception):
        found |= {source.name for source in _settings(context).sources}
    with suppress(Exception), _reading(context) as connection:
        from inventory.store.reader import sources

        found |= {str(source["name"]) for source in sources(connection)}
    return [CompletionItem(name) for name in sorted(found) if name.startswith(begun)]


def complete_snapshots(context: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the latest snapshots, each with its source and time."""
    found: list[CompletionItem] = [CompletionItem("latest", help="the last snapshot"), CompletionItem("latest~1")]
    with suppress(Exception), _reading(context) as connection:
        from inventory.common.safe_text import moment
        from inventory.store.reader import snapshots, sources

        rows = [row for source in sources(connection) for row in snapshots(connection, source["id"])]
        rows.sort(key=lambda row: -row["id"])
        found += [
            CompletionItem(str(row["id"]), help=f"{row['source']}, {moment(row['observed_to'])} UTC")
            for row in rows[:MOST]
            if row["pruned_at"] is None
        ]
    return [item for item in found if str(item.value).startswith(begun)]


def _settings(context: click.Context) -> "Settings":
    from inventory.config.load import load

    return load(_given(context, "config"), for_export=False, no_env=True)


def complete_reports(context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the reports, each with its title."""
    with suppress(Exception):
        from inventory.report.library import Library

        reports = Library(_settings(context).reports).reports.values()
        return [CompletionItem(each.name, help=each.title) for each in reports if each.name.startswith(begun)]
    return []


def complete_rules(context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the rules by id and by name, each with its title."""
    with suppress(Exception):
        from inventory.report.checks.rule import Rules

        settings = _settings(context)
        rules = Rules(settings.check_rules, settings.check_skip).by_id.values()
        words = [(word, rule.title) for rule in rules for word in (rule.id, rule.name)]
        return [CompletionItem(word, help=title) for word, title in words if word.startswith(begun)]
    return []


@contextmanager
def _reading(context: click.Context) -> "Iterator[Connection]":
    from inventory.config.load import choose_database, load
    from inventory.store.engine import open_store

    settings = load(_given(context, "config"), for_export=False)
    with (
        open_store(choose_database(_given(context, "database"), settings), write=False, create=False) as store,
        store.reading() as connection,
    ):
        yield connection


def _given(context: click.Context, name: str) -> str | None:
    """Return a global option as far as it was typed."""
    found: str | None = {**context.find_root().params, **context.params}.get(name)
    return found
