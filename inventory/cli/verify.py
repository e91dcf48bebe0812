"""`verify`: was anything altered since it was written?"""

import re

import click

from inventory.cli.base import Options, print_lines, sources_option
from inventory.errors import UsageError

__all__ = ["verify"]

_DIGEST = re.compile("[0-9a-fA-F]{64}")


@click.command()
@sources_option
@click.option(
    "--expect", "expected", multiple=True, metavar="DIGEST",
    help="A snapshot's digest that was noted elsewhere must be there still; repeatable.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Every problem, not the first hundred.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def verify(options: Options, names: tuple[str, ...], expected: tuple[str, ...], full: bool, as_json: bool) -> int:
    """Recompute every digest, and name what was altered since it was written."""
    from inventory.jsontext import pretty
    from inventory.render.verify import document, lines
    from inventory.store import verify as verifying

    for digest in expected:
        if not _DIGEST.fullmatch(digest):
            raise UsageError("--expect: not a digest", "Give all 64 hex digits, as export, the log and the metrics do")
    with options.open(options.settings()) as store, store.reading() as connection:
        found = list(verifying.verify(connection, names))
    noted = verifying.places(found, (digest.lower() for digest in expected))
    code = 1 if any(each.problems for each in found) or None in noted.values() else 0
    if options.quiet and not code:
        return code
    if as_json:
        click.echo(pretty(document(found, noted)))
    else:
        print_lines(lines(found, noted, full=full))
    return code
