"""`verify`: was anything altered since it was written?"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory.cli.base import (
    Options,
    echo,
    echo_document,
    json_option,
    output_option,
    print_lines,
    safe,
    sources_option,
)
from inventory.cli.group import command
from inventory.common.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory.config.settings import Settings
    from inventory.proof.signature import VerifyKey
    from inventory.store.verify import Verified

__all__ = ["verify"]

_DIGEST = re.compile("[0-9a-fA-F]{64}")


@command(
    examples=["inventory verify", "inventory verify --public-key audit.pem", "inventory verify --bundle night-42.zip"],
    short_help="Recompute every digest, and name what was altered.",
)
@sources_option
@click.option(
    "--expect", "expected", multiple=True, metavar="DIGEST",
    help="A snapshot's digest that was noted elsewhere must be there still; repeatable.",
)  # fmt: skip
@click.option(
    "--public-key", "public_keys", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Ed25519 key in PEM that must have signed the last snapshot, and so all before it; repeatable, for a key that"
    " was replaced.",
)  # fmt: skip
@click.option(
    "--bundle", "bundle", type=click.Path(path_type=Path), metavar="FILE", help="Check a bundle instead of a database."
)
@click.option(
    "--checks", is_flag=True,
    help="Check also what `check` remembers: each run against its results and, where it can be, against the snapshot.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Print every problem, not the first hundred.")
@output_option
@json_option
@click.pass_obj
def verify(
    options: Options, names: tuple[str, ...], expected: tuple[str, ...], public_keys: tuple[Path, ...],
    bundle: Path | None, checks: bool, full: bool, as_json: bool,
) -> int:  # fmt: skip
    """Recompute every digest, and name what was altered since it was written."""
    from inventory.common.exact_json import pretty
    from inventory.render.verify import Outside, document, lines
    from inventory.store import verify as verifying

    for digest in expected:
        if not _DIGEST.fullmatch(digest):
            hint = "Give all 64 hex digits; `inventory snapshots --json` and `inventory export` print them"
            raise UsageError("--expect: not a digest", hint)
    seals = [_seal(file) for file in public_keys]
    if bundle is not None:
        return _bundle(options, bundle, seals, expected, as_json=as_json)
    settings = options.settings()
    with options.open(settings) as store, store.reading() as connection:
        found = list(verifying.verify(connection, names))
        if checks:
            _verify_checks(connection, settings, found, names)
        noted = verifying.compare_evidence(connection, found, seals, (digest.lower() for digest in expected))
    outside = Outside([seal.key_id for seal in seals], noted)
    code = 1 if any(each.problems for each in found) or None in noted.values() else 0
    if options.is_silent(code):
        return code
    if as_json:
        echo(pretty(document(found, outside)))
    else:
        options.page(lines(found, outside, full=full))
    return code


def _verify_checks(
    connection: "Connection", settings: "Settings", found: "list[Verified]", names: tuple[str, ...]
) -> None:
    """Recompute the runs of `check`; add what is wrong to the problems of their sources."""
    from inventory.cli.check import TIMEOUT, rules_of
    from inventory.report.checks.verify import verify_checks

    sources = {each.source: each for each in found}
    for each in verify_checks(connection, rules_of(settings), names, TIMEOUT):
        source = sources[each.source]
        source.check_runs, source.check_runs_recomputed = each.runs, each.recomputed
        source.problems += each.problems


def _seal(file: Path) -> "VerifyKey":
    from inventory.proof.signature import VerifyKey

    try:
        return VerifyKey(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--public-key {file}: {(error.strerror or '').lower()}", "Name a public key in PEM") from None
    except (UnicodeDecodeError, UsageError):
        raise UsageError(f"--public-key {file}: not an Ed25519 key in PEM", "Give the public half") from None


def _bundle(options: Options, file: Path, seals: "list[VerifyKey]", expected: tuple[str, ...], *, as_json: bool) -> int:
    """Check a bundle by what is in it alone."""
    from dataclasses import asdict

    from inventory.common.safe_text import count
    from inventory.render.bundle import check

    found = check(file, seals)
    problems = [*found.problems]
    problems += [f"its digest is not the expected {each}" for each in expected if each.lower() != found.digest]
    if as_json:
        code = 1 if problems else 0
        echo_document(options, code, **{**asdict(found), "problems": problems})
        return code
    checks = f", {count(found.checks, 'check run')}" if found.checks else ""
    signed = f", signed with the key {found.signed}" if found.signed else ", not signed"
    counts = f"{count(found.jobs, 'job')}, {count(found.rows, 'row')}{checks}"
    options.echo(safe(f"{found.source}: snapshot {found.snapshot}, {counts}{signed}"))
    options.echo(safe(f"digest {found.digest}"))
    print_lines(safe(f"altered  {problem}") for problem in problems)
    compared = "compared" if seals or expected else "not compared"
    ok = f"OK: the bundle is consistent, and was {compared} with outside evidence."
    options.echo(f"{count(len(problems), 'problem')} found." if problems else ok)
    return 1 if problems else 0
