"""`bundle`: one snapshot to hand over."""

from dataclasses import replace
from pathlib import Path

import click

from inventory.cli.base import Options, safe, sources_option
from inventory.cli.group import argument, command
from inventory.common.errors import CompareError

__all__ = ["bundle"]


@command(
    examples=["inventory bundle 42 --out night-42.zip", "inventory bundle latest --source prod --out last.zip"],
    short_help="Write one snapshot to a file that is checked offline.",
)
@argument("ref", metavar="SNAPSHOT", explained="Id, latest, latest~N, day or time (UTC).")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.zip",
    help="The file; one that exists is never overwritten.",
)  # fmt: skip
@sources_option
@click.pass_obj
def bundle(options: Options, ref: str, out: Path, names: tuple[str, ...]) -> None:
    """Write one snapshot to a file that is checked offline: tables, dictionary, chain, hashes, what changed."""
    from inventory.diff.compare import compare
    from inventory.diff.ends import choose, step
    from inventory.diff.select import Selection
    from inventory.render.bundle import write
    from inventory.render.html import html
    from inventory.store import reader

    with options.open(options.settings()) as store, store.reading() as connection:
        found, _ = choose(connection, reader.sources(connection, names), None, ref, names)
        if len(found) != 1:
            have = ", ".join(source["name"] for source, *_ in found) or "none"
            raise CompareError(f"{len(found)} sources have a snapshot {ref} ({have})", "Name one with --source")
        source, first, last = found[0]
        chain = [row for row in reader.snapshots(connection, source["id"]) if row["id"] <= last["id"]]
        # In one transaction, so that the page and the rows fit together.
        diff = compare(replace(step(connection, source, first, last), release=lambda: None), Selection())
        signed = reader.signing_keys(connection, [row["id"] for row in (first, last) if row is not None])
        page = html([diff], f"{source['name']}: snapshot {last['id']}", signed)
        write(connection, chain, str(page), out)
    options.echo(safe(f"Wrote {out}: {source['name']}, snapshot {last['id']}, digest {last['digest']}."))
    options.echo(f"`inventory verify --bundle {out}` checks it, without a database.")
