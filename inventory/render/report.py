"""The page of `inventory report`: figures that are drawn from the rows of reports, each with its table and its SQL."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from markupsafe import Markup

from inventory.common.safe_text import clean, count
from inventory.render import over_days, svg
from inventory.render.check_results import check_results
from inventory.render.figures import (
    LINES,
    Figure,
    Section,
    Table,
    bars_of,
    first_of,
    joined,
    number_of,
    table_of,
    text_of,
)
from inventory.render.over_days import PHASES, STRIPS
from inventory.render.page import page as frame
from inventory.report.page import Page, Row

__all__ = ["report"]

_NEEDS = {"failed": "failed", "plain": "without TLS", "public": "on a public network"}  # of the active tasks


def report(page: Page | None, title: str, *, max_rows: int) -> Markup:
    """Return the page; of no snapshot at all one that says so.

    Args:
        max_rows: rows of a table of jobs or snapshots. A table of days has a row for each day.
    """
    title = clean(title)
    if page is None:
        return frame("report", title, page=None, sections=(), tiles=(), lead="", patterns=Markup(""))
    sections = list(_sections(page, max_rows))
    return frame(
        "report", title, page=page, sections=sections, tiles=_tiles(page), lead=_lead(page), patterns=svg.patterns(),
        proofs=_last_snapshots(page)[:STRIPS],
    )  # fmt: skip


def _lead(page: Page) -> str:
    whose = f"Tasks of {clean(page.owner)}. " if page.owner is not None else ""
    return (
        f"{whose}{count(len(page.sources), 'source')}, {page.since} to {page.until}, UTC. "
        f"The last answer was observed on {page.moment:%Y-%m-%d at %H:%M}."
        if page.moment.date() <= page.until
        else f"{whose}{count(len(page.sources), 'source')}, {page.since} to {page.until}, UTC."
    )


def _tiles(page: Page) -> list[tuple[str, str, str, str]]:
    """Return kind, number, words and key of the section of each headline."""
    last = [row for row in page.answers["phase-days"].rows if row["day"] == str(page.until)]
    jobs, failed = (sum(number_of(row["jobs"]) for row in last if row["phase"] in of) for of in (PHASES, {"failed"}))
    missed = sum(row["state"] == "missed" for row in page.answers["source-days"].rows)
    size = {name: len(answer.rows) for name, answer in page.answers.items()}
    found = [
        ("", jobs, "jobs", "status"),
        ("failed" if failed else "", failed, "failed", "failures"),
        ("", size["status-changes"], "status changes", "changes"),
        ("", size["new"], "new tasks", "changes"),
        ("", size["gone"], "tasks gone", "changes"),
        ("", missed, "days missed", "freshness"),
        ("", size["expiring"], "orders end soon", "expiring"),
    ]
    if page.checks is not None:
        overdue = sum(each.is_overdue for each in page.checks)
        found.insert(2, ("failed" if overdue else "", overdue, "checks overdue", "checks"))
    return [(kind, f"{number:,}", words, key) for kind, number, words, key in found]


def _sections(page: Page, most: int) -> Iterator[Section]:
    changed = [
        _status_changes(page, most), *([_row_changes(page, most)] if "night-counts" in page.answers else []),
        _listed(page, most, "new", "New tasks", "first_seen", "No task is new."),
        _listed(page, most, "gone", "Tasks that are gone", "gone_at", "No task is gone."),
    ]  # fmt: skip
    yield Section("changes", "What changed", changed)
    yield check_results(page, most)
    yield Section("freshness", "Freshness", [over_days.freshness(page)])
    yield Section("status", "Status over days", [over_days.status(page)])
    if "churn" in page.answers:
        yield Section("churn", "Churn", [over_days.churn(page)])
    yield Section("failures", "Oldest failures", [_failures(page, most)])
    yield Section("expiring", "Orders that end soon", [_expiring(page, most)])
    if "owners" in page.answers:
        yield Section("owners", "By owner", [_owners(page, most)])
    yield Section("digests", "Digests", [_digests(page, most)])


# --- what changed


def _status_changes(page: Page, most: int) -> Figure:
    answer = page.answers["status-changes"]
    pairs = Counter((text_of(row["before"]), text_of(row["after"]), bool(row["is_failed"])) for row in answer.rows)
    ranked = sorted(pairs.items(), key=lambda each: (-each[1], each[0]))
    bars = bars_of(
        [(f"{before} → {after}", "", [("failed" if failed else "incremental", number)], f"{number:,}")
         for (before, after, failed), number in ranked]
    )  # fmt: skip
    into = sum(number for (_, _, failed), number in ranked if failed)
    lead = f"{count(len(answer.rows), 'change')} of status, {into:,} of them to a failure (hatched)."
    lead += first_of(len(bars), len(ranked), "pair")
    return Figure(
        "status-changes", "Changes of status", lead, answer, table_of(answer, most), "No job changed its status.",
        bars=bars,
    )  # fmt: skip


def _row_changes(page: Page, most: int) -> Figure:
    answer = page.answers["night-counts"]
    kinds = ("added", "changed", "removed")
    numbers: dict[str, Counter[str]] = {}
    for row in answer.rows:
        if not row["is_first_night"]:
            found = numbers.setdefault(text_of(row["table_name"]), Counter())
            found.update({kind: number_of(row[kind]) for kind in kinds})
    rows = sorted((each for each in numbers.items() if each[1].total()), key=lambda each: (-each[1].total(), each[0]))
    bars = bars_of([
        (name, ", ".join(f"{found[kind]:,} {kind}" for kind in kinds if found[kind]),
         [(kind, found[kind]) for kind in kinds], f"{found.total():,}")
        for name, found in rows
    ])  # fmt: skip
    lead = "Rows that each night added, changed or removed; first snapshots are left out." + first_of(
        len(bars), len(rows), "table"
    )
    legend = [(svg.swatch(kind), kind, "") for kind in kinds]
    return Figure(
        "night-counts", "Changes by table", lead, answer, table_of(answer, most), "No row changed.", bars=bars,
        legend=legend,
    )  # fmt: skip


def _listed(page: Page, most: int, name: str, title: str, when: str, empty: str) -> Figure:
    answer = page.answers[name]
    columns = ["name", "status", when, "source", *([] if page.owner is not None else ["owner"])]
    short = Table(
        [(column.replace("_", " "), False) for column in columns],
        [[text_of(row[column]) for column in columns] for row in answer.rows[:LINES]],
        f"The latest {LINES} of {len(answer.rows):,}." if len(answer.rows) > LINES else "",
    )
    lead = f"{count(len(answer.rows), 'task')}." if answer.rows else ""
    return Figure(name, title, lead, answer, table_of(answer, most), empty, shown=short)


# --- lists


def _failures(page: Page, most: int) -> Figure:
    answer = page.answers["failed"]
    bars = bars_of([
        (text_of(row["name"] or row["job_id"]), joined(row["status"], row["source"], row["owner"]),
         [("failed", number_of(row["days"]))],
         f"{count(number_of(row['days']), 'day')}{' or more' if row['since_first_night'] else ''}")
        for row in answer.rows
    ])  # fmt: skip
    lead = f"{count(len(answer.rows), 'job')} failed now." + first_of(len(bars), len(answer.rows), "job")
    empty = "No job has failed."
    return Figure("failed", "Jobs that failed longest ago", lead, answer, table_of(answer, most), empty, bars=bars)


def _expiring(page: Page, most: int) -> Figure:
    answer = page.answers["expiring"]
    left = [(row, (date.fromisoformat(str(row["expires"])[:10]) - page.until).days) for row in answer.rows]
    bars = bars_of([
        (text_of(row["name"] or row["job_id"]), joined(str(row["expires"])[:10], row["source"], row["owner"]),
         [("due" if days >= 0 else "failed", abs(days))],
         f"{count(-days, 'day')} ago" if days < 0 else "today" if days == 0 else f"in {count(days, 'day')}")
        for row, days in left
    ])  # fmt: skip
    past = sum(days < 0 for _, days in left)
    lead = f"{count(len(left), 'order')} of tasks that are in use, without automatic renewal, within 30 days."
    lead += f" {past:,} ended already (hatched)." if past else ""
    lead += first_of(len(bars), len(left), "order")
    empty = "No order of a task that is in use ends within 30 days."
    return Figure("expiring", "Orders by their end", lead, answer, table_of(answer, most), empty, bars=bars)


def _owners(page: Page, most: int) -> Figure:
    answer = page.answers["owners"]
    numbers: dict[str | None, Counter[str]] = {}
    for row in answer.rows:
        owner = None if row["owner"] is None else str(row["owner"])
        numbers.setdefault(owner, Counter()).update({name: number_of(row[name]) for name in ("active", *_NEEDS)})
    rows = sorted(numbers.items(), key=lambda each: (-each[1]["active"], each[0] or ""))
    bars = bars_of([
        ("no owner" if owner is None else text_of(owner),
         ", ".join(f"{found[name]:,} {word}" for name, word in _NEEDS.items() if found[name]),
         [("failed", found["failed"]), ("incremental", found["active"] - found["failed"])], f"{found['active']:,}")
        for owner, found in rows
    ])  # fmt: skip
    lead = "Tasks that have not ended; those that failed first, hatched." + first_of(len(bars), len(rows), "owner")
    return Figure(
        "owners", "Active tasks by owner", lead, answer, table_of(answer, most), "There is no task.", bars=bars
    )


def _digests(page: Page, most: int) -> Figure:
    answer = page.answers["digests"]
    lead = f"{count(len(answer.rows), 'snapshot')} in these days; the last of each source:"
    last = _last_snapshots(page)
    heads = [("source", False), ("snapshot", True), ("observed", False), ("status", False), ("jobs", True),
             ("digest", False)]  # fmt: skip
    names = ("source", "snapshot_id", "observed_to", "status", "jobs", "digest")
    shown = Table(heads, [[text_of(row[name]) for name in names] for row in last[:STRIPS]],
                  first_of(STRIPS, len(last), "source").strip())  # fmt: skip
    empty = "There is no snapshot of these days."
    return Figure("digests", "Snapshots", lead, answer, table_of(answer, most), empty, shown=shown)


def _last_snapshots(page: Page) -> list[Row]:
    """Return the last snapshot in these days of each source, by name."""
    last: dict[str, Row] = {}
    for row in page.answers["digests"].rows:
        name = str(row["source"])
        if name not in last or number_of(row["snapshot_id"]) > number_of(last[name]["snapshot_id"]):
            last[name] = row
    return [last[name] for name in sorted(last)]
