"""Figures with a day on the axis: freshness of each source, jobs by phase, and churn."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from inventory.common.safe_text import count
from inventory.render import svg
from inventory.render.figures import Figure, Table, number_of, signed, text_of
from inventory.report.page import Page

__all__ = ["PHASES", "STRIPS", "churn", "freshness", "status"]

STRIPS = 40  # sources with a line each
# Phase -> word, from the axis upwards: what failed is at the axis, where its height can be read.
PHASES = {
    "failed": "Failed", "incremental": "Incremental", "full": "Full transfer", "setup": "Setup", "change": "Changing",
    "release": "Releasing", "unknown": "Not documented", "ended": "Ended",
}  # fmt: skip


def freshness(page: Page) -> Figure:
    """Return a line of days for each source: complete, partial or missed."""
    answer, days = page.answers["source-days"], _days(page)
    strips, rows = [], []
    for source, group in groupby(answer.rows, key=lambda row: str(row["source"])):
        states = {str(row["day"]): row for row in group}
        last = max(states.values(), key=lambda row: str(row["day"]))
        kinds = [str(states[str(day)]["state"]) if str(day) in states else "" for day in days]
        numbers = Counter(kinds)
        missed = [day for day, kind in zip(days, kinds, strict=True) if kind == "missed"]
        ago = number_of(last["age_days"])
        told = "up to date" if ago == 0 else f"{count(ago, 'day')} old"
        told += f", {len(missed):,} missed" if missed else ""
        name = text_of(source)
        title = f"{name}: {numbers['complete']} complete, {numbers['partial']} partial, {len(missed)} missed"
        strips.append((name, svg.strip(title, kinds), told))
        rows.append([
            name, text_of(last["observed_to"]), f"{ago:,}", f"{numbers['complete']:,}", f"{numbers['partial']:,}",
            f"{len(missed):,}", _runs(missed),
        ])  # fmt: skip
    worst = sorted(range(len(rows)), key=lambda at: (-int(rows[at][2].replace(",", "")), rows[at][0]))[:STRIPS]
    shown = [strips[at] for at in sorted(worst)]
    heads = ["source", "last snapshot", "days old", "complete", "partial", "missed", "which were missed"]
    table = Table([(head, head in {"days old", "complete", "partial", "missed"}) for head in heads], rows)
    stale = sum(row[2] != "0" for row in rows)
    lead = f"Every source has a snapshot of {page.until}."
    if stale:
        lead = f"{count(len(rows), 'source')}, {stale:,} of them without a snapshot of {page.until}."
    lead += f" The {STRIPS} oldest are drawn." if len(strips) > STRIPS else ""
    legend = [(svg.swatch(kind), kind, "") for kind in ("complete", "partial", "missed")]
    return Figure(
        "source-days", "Each source, day by day", lead, answer, table, "No source has a snapshot in these days.",
        strips=shown, below=svg.axis(days), legend=legend,
    )  # fmt: skip


def status(page: Page) -> Figure:
    """Return how many jobs were in each phase, day by day."""
    answer = page.answers["phase-days"]
    found = Counter[tuple[str, str]]()
    for row in answer.rows:
        found[str(row["day"]), str(row["phase"])] += number_of(row["jobs"])
    days = _known(page, {day for day, _ in found})
    series = [svg.Series(word, phase, [found[str(day), phase] for day in days]) for phase, word in PHASES.items()]
    series = [each for each in series if any(each.values)]
    drawing = svg.columns("Jobs by phase of their status, day by day", days, series) if series else None
    lead = ""
    if series:
        now = {each.kind: each.values[-1] for each in series}
        then = {each.kind: each.values[0] for each in series}
        failed = now.get("failed", 0)
        lead = (
            f"{count(sum(now.values()), 'job')} on {days[-1]}, {failed:,} of them failed "
            f"({signed(failed - then.get('failed', 0))} since {days[0]})."
        )
    lead += " Sub-tasks are counted." if page.owner is None else " Jobs that the owner has now, and their sub-tasks."
    return Figure(
        "phase-days", "Jobs by phase", lead, answer, _by_day(days, series), "There was no job.", drawing,
        legend=_legend(series), labelled=True,
    )  # fmt: skip


def churn(page: Page) -> Figure:
    """Return how many jobs came, changed and left, day by day; not of a source's first snapshot."""
    answer = page.answers["churn"]
    kinds = {"added": "Added", "changed": "Changed", "removed": "Removed", "deselected": "Deselected"}
    numbers = {kind: Counter[str]() for kind in kinds}
    first = []
    for row in answer.rows:
        if row["is_first_night"]:
            first.append(f"{text_of(row['source'])} ({count(number_of(row['jobs']), 'job')})")
            continue
        for kind in kinds:
            numbers[kind][str(row["observed_to"])[:10]] += number_of(row[kind])
    days = _known(page, {str(row["observed_to"])[:10] for row in answer.rows})
    series = {kind: svg.Series(word, kind, [numbers[kind][str(day)] for day in days]) for kind, word in kinds.items()}
    used = [each for each in series.values() if any(each.values)]
    up, down = [[each for each in used if (each.kind in {"removed", "deselected"}) is left] for left in (False, True)]
    title = "Jobs that came, changed and left, day by day"
    drawing = svg.columns(title, days, up, down, labels=False) if used else None
    total = {kind: sum(each.values) for kind, each in series.items()}
    lead = f"{total['added']:,} added, {total['changed']:,} changed, {total['removed']:,} removed (below the line)."
    others = " and others" if len(first) > 3 else ""
    begun = f" Not drawn: the first snapshot of {', '.join(first[:3])}{others}." if first else ""
    return Figure(
        "churn", "Jobs that came, changed and left", lead + begun, answer, _by_day(days, list(series.values())),
        f"No job came, changed or left.{begun}", drawing, legend=_legend(used, sums=True),
    )  # fmt: skip


def _days(page: Page) -> list[date]:
    return [page.since + timedelta(days=at) for at in range((page.until - page.since).days + 1)]


def _known(page: Page, found: set[str]) -> list[date]:
    """Return the days of the page from the first on which something is known."""
    return [day for day in _days(page) if found and str(day) >= min(found)]


def _legend(series: Sequence[svg.Series], *, sums: bool = False) -> list[tuple[Markup, str, str]]:
    return [(svg.swatch(each.kind), each.name, f"{sum(each.values) if sums else each.values[-1]:,}") for each in series]


def _by_day(days: Sequence[date], series: Sequence[svg.Series]) -> Table:
    heads = [("day", False), *((each.name, True) for each in series)]
    rows = [[str(day), *(f"{each.values[at]:,}" for each in series)] for at, day in enumerate(days)]
    return Table(heads, rows[::-1])


def _runs(days: Sequence[date]) -> str:
    """Return days as text, with those that follow each other as one period."""
    found: list[list[date]] = []
    for day in days:
        if found and (day - found[-1][-1]).days == 1:
            found[-1].append(day)
        else:
            found.append([day])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in found)
