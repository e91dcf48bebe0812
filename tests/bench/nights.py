"""What is measured: a first night by all, our second one, both of a growing API, and `--help`. Each gives a table."""

import argparse
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from inventory.schema import ENTITIES, ESTATE, JOB_DIGESTS
from inventory.schema.entities import Entity
from tests.bench.contestants import CONTESTANTS, Served, configure
from tests.bench.database import answer, size
from tests.bench.measure import Turn, in_turn, median, run
from tests.bench.table import Section, machine

__all__ = ["WHAT", "first_night", "growing", "help_text", "second_night"]

MB = 1_000_000


def first_night(estate: Served, options: argparse.Namespace, folder: Path) -> Section:
    """Let all write a database that holds nothing yet."""
    chosen = [each for each in CONTESTANTS if each.kind == options.database]
    if options.only:
        chosen = [each for each in chosen if each.name in options.only]
    urls: dict[str, str] = {}
    turns = [each.turn(estate, urls) for each in chosen]
    timed = in_turn(turns, options.repeat, folder)
    looked = in_turn(turns, 1, folder, memory=True) if options.memory else {}
    section = Section(title("First night", estate, options), [*about(estate), *rows(urls)])
    for each in chosen:
        section.add(each.title, timed[each.name], timed.get("floor"), cpu=options.cpu)
        if looked:
            seen = median(looked[each.name])
            section.more({"peak MiB, PSS": f"{seen.pss:.0f}", "peak MiB, RSS": f"{seen.rss:.0f}"})
        section.more({"database MB": f"{size(urls[each.name]) / MB:.1f}"})
    return section


def rows(urls: dict[str, str]) -> list[str]:
    """Tell how many rows ours and the floor wrote: table by table as many as the other."""
    counts = [
        {each.name: answer(urls[name], f"SELECT count(*) FROM {each.name}") for each in ESTATE}
        for name in ("ours", "floor")
        if name in urls
    ]
    if not counts:
        return []
    assert counts[0] == counts[-1], counts
    return [f"{sum(counts[0].values()):,} rows."]


def second_night(estate: Served, options: argparse.Namespace, folder: Path) -> Section:
    """Change the status of every hundredth job, and let ours export again and tell what changed."""
    first = [each for each in CONTESTANTS if each.kind == options.database and each.name in ("ours", "floor")]
    urls: dict[str, str] = {}
    before, floor = (each.turn(estate, urls) for each in first)
    in_turn([before], 1, folder)
    old = urls["ours"]
    post(estate, "night")

    def again(place: Path) -> list[str]:
        urls["second"] = estate.databases.new(place, old)
        configure(place, estate)
        return [*estate.inventory, "--config", "inventory.yaml", "--database", urls["second"], "-q", "export"]

    def diff(_: Path) -> list[str]:
        return [*estate.inventory, "--database", urls["second"], "diff"]

    costs = in_turn([floor, Turn("second", again), Turn("diff", diff)], options.repeat, folder)
    section = Section(title("Second night", estate, options), [*about(estate), written(urls["second"], old)])
    for name, what in (("floor", "floor, a first night"), ("second", "inventory export"), ("diff", "inventory diff")):
        section.add(what, costs[name], costs["floor"], cpu=options.cpu)
    return section


def growing(estate: Served, options: argparse.Namespace, folder: Path) -> Section:
    """Let ours write two nights of jobs as documented, and of jobs with one unknown member each."""
    (ours,) = [each for each in CONTESTANTS if each.kind == options.database and each.name == "ours"]
    urls: dict[str, dict[str, str]] = {"0": {}, "1": {}}

    def first(grown: str) -> Turn:
        turn = ours.turn(estate, urls[grown])

        def command(place: Path) -> list[str]:
            post(estate, f"growth/{grown}")
            return turn.command(place)

        return Turn(f"first-{grown}", command, turn.check)

    def second(grown: str) -> Turn:
        def command(place: Path) -> list[str]:
            post(estate, f"growth/{grown}")
            url = estate.databases.new(place, urls[grown]["ours"])
            configure(place, estate)
            return [*estate.inventory, "--config", "inventory.yaml", "--database", url, "-q", "export"]

        return Turn(f"second-{grown}", command)

    section = Section(title("Growing API", estate, options), about(estate))
    for night, turn in (("first", first), ("second", second)):
        costs = in_turn([turn("0"), turn("1")], options.repeat, folder)
        post(estate, "night")
        for grown, what in (("0", "as documented"), ("1", "one unknown member in each job")):
            section.add(f"{night} night, {what}", costs[f"{night}-{grown}"], None, cpu=options.cpu)
            one, other = (median(costs[f"{night}-{each}"]) for each in (grown, "0"))
            section.more({"x documented": f"{one.seconds / other.seconds:.2f}"})
            section.more({"x documented (CPU)": f"{one.cpu / other.cpu:.2f}"})
    return section


def post(estate: Served, what: str) -> None:
    """Tell the server what to serve from now on."""
    urllib.request.urlopen(urllib.request.Request(f"{estate.endpoint}/bench/{what}", method="POST")).close()


def written(url: str, old: str) -> str:
    """Tell what the last snapshot wrote."""
    first, last = (answer(of, "SELECT max(id) FROM snapshots") for of in (old, url))

    def count(entities: Iterable[Entity], where: str) -> int:
        return sum(answer(url, f"SELECT count(*) FROM {each.name}{where} = {last}") for each in entities)

    new, gone = count(ENTITIES, " WHERE valid_from"), count(ENTITIES, "_history WHERE valid_to")
    proofs = count([JOB_DIGESTS], " WHERE valid_from"), count([JOB_DIGESTS], "_history WHERE valid_to")
    growth = (size(url) - size(old)) / size(old)
    return (
        f"Of every hundredth job the status changed. The second night wrote {new} current rows and {gone} of history "
        f"(beside them {proofs[0]} and {proofs[1]} digests of jobs) and {last - first} of snapshots; the database grew "
        f"from {size(old) / MB:.2f} MB by {growth:.2%}."
    )


def help_text(estate: Served, options: argparse.Namespace, folder: Path) -> Section:
    """Compare `--help` with an interpreter that does nothing."""
    turns = [
        Turn("bare", lambda _: [sys.executable, "-c", "pass"]),
        Turn("help", lambda _: [*estate.inventory, "--help"]),
    ]
    for turn in turns:
        run(turn.command(folder), folder)
    costs = in_turn(turns, 4 * options.repeat, folder)
    section = Section("Help", [machine()])
    section.add("bare Python", costs["bare"], None, cpu=options.cpu)
    section.add("inventory --help", costs["help"], None, cpu=options.cpu)
    over = median(costs["help"]).seconds - median(costs["bare"]).seconds
    section.more({"over bare Python": f"{1000 * over:.0f} ms"})
    return section


def title(what: str, estate: Served, options: argparse.Namespace) -> str:
    latency = f", {options.latency} ms latency" if options.latency else ""
    return f"{what}, {options.estate}, {estate.databases.version().split()[0]}{latency}"


def about(estate: Served) -> list[str]:
    served = (estate.files / "jobs.bin").stat().st_size / MB
    return [f"{estate.size}, {served:.1f} MB of JSON. {estate.databases.version()}, {machine()}"]


WHAT = {"first": first_night, "second": second_night, "growing": growing, "help": help_text}
