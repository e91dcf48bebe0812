"""`findings`: what was not as documented, with what it means and what to do."""

import click

from inventory.cli.base import Options, echo_document, json_option, output_option, sources_option
from inventory.cli.group import command
from inventory.common.errors import UsageError

__all__ = ["findings"]


@command(
    examples=["inventory findings --new", "inventory findings --source prod --kind unknown_field --json"],
    short_help="Show what was not as documented, and what to do about it.",
)
@sources_option
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind; repeatable. Default: all.")
@click.option("--new", is_flag=True, help="Only what the snapshot before did not have.")
@click.option("--full", is_flag=True, help="Print every finding, and values uncut.")
@output_option
@json_option
@click.pass_obj
def findings(
    options: Options, names: tuple[str, ...], kinds: tuple[str, ...], new: bool, full: bool, as_json: bool
) -> None:
    """Show the findings of each source's last snapshot, by kind, each with what it means and what to do.

    A finding is something that was not as the API's reference says, or a job that could not be read.
    """
    from inventory.diff.findings import last_findings
    from inventory.render.findings import as_text, members
    from inventory.store import reader

    _check_kinds(kinds)
    with options.open(options.settings()) as store, store.reading() as connection:
        found = last_findings(connection, reader.sources(connection, names), kinds, new=new)
    if as_json:
        echo_document(options, 0, **members(found))
    elif not found:
        options.echo("There are no snapshots yet. Run `inventory export` first.")
    elif not options.is_silent():
        options.page(as_text(found, new=new, full=full))


def _check_kinds(kinds: tuple[str, ...]) -> None:
    """Refuse a kind that is not declared.

    Raises:
        UsageError: it names the nearest one.
    """
    from inventory.config.values import nearest
    from inventory.schema.finding_kinds import FINDING_KINDS

    for kind in kinds:
        if kind not in FINDING_KINDS:
            hint = f"There are: {', '.join(sorted(FINDING_KINDS))}"
            raise UsageError(f"--kind: there is no kind of finding {kind!r}{nearest(kind, FINDING_KINDS)}", hint)
