"""The page of `inventory report`: figures that are drawn from the rows of reports, each with its table and its SQL."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from markupsafe import Markup

from inventory.common.exact_json import Json
from inventory.common.safe_text import clean, count
from inventory.render import svg
from inventory.render.page import page as frame
from inventory.report.page import Answer, CheckResult, Page, Row

__all__ = ["report"]

_LONGEST = 120  # characters of a cell
_BARS = 12  # of a list of bars
_LINES = 8  # of a list
_STRIPS = 40  # sources with a strip each
# Phase -> word, from the axis upwards: what failed is at the axis, where its height can be read.
_PHASES = {
    "failed": "Failed", "incremental": "Incremental", "full": "Full transfer", "setup": "Setup", "change": "Changing",
    "release": "Releasing", "unknown": "Not documented", "ended": "Ended",
}  # fmt: skip
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z\Z", re.ASCII)
_SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Table:
    """A table for people. heads: name, and whether its cells are numbers. said: what is left out."""

    heads: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    said: str = ""


@dataclass(frozen=True)
class Bar:
    """A line of a list: a text, what it belongs to, the bar, and its number with the unit."""

    label: str
    detail: str
    drawing: Markup
    number: str


@dataclass(frozen=True)
class Figure:
    """One figure. lead: its message in a sentence. drawing: of a chart. legend: sample, word and number of each mark; hidden
    on a wide page where the chart is labelled.

    bars, shown: in place of a chart a list of bars, or a short table. empty: what is said where there is nothing.
    table: all that it shows, as a table. answer: the report that it comes from; None for checks.
    """

    key: str
    title: str
    lead: str
    answer: Answer | None
    table: Table
    empty: str = ""
    drawing: Markup = Markup("")
    legend: Sequence[tuple[Markup, str, str]] = ()
    bars: Sequence[Bar] = ()
    shown: Table | None = None
    strips: Sequence[tuple[str, Markup, str]] = ()
    below: Markup = Markup("")
    labelled: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with its figures; a section of one figure has its title."""

    key: str
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())


def report(page: Page | None, title: str, *, max_rows: int) -> Markup:
    """Return the page; of no snapshot at all one that says so.

    Args:
        max_rows: rows of a table of jobs or snapshots. A table of days has a row for each day.
    """
    if page is None:
        return frame("report", title, page=None, sections=(), tiles=(), lead="", patterns=Markup(""))
    sections = list(_sections(page, max_rows))
    return frame(
        "report", title, page=page, sections=sections, tiles=_tiles(page), lead=_lead(page), patterns=svg.patterns(),
        proofs=_last_snapshots(page),
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
    jobs, failed = (sum(_number(row["jobs"]) for row in last if row["phase"] in of) for of in (_PHASES, {"failed"}))
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
        overdue = sum(_is_overdue(page, each) for each in page.checks)
        found.insert(2, ("failed" if overdue else "", overdue, "checks overdue", "checks"))
    return [(kind, f"{number:,}", words, key) for kind, number, words, key in found]


def _sections(page: Page, most: int) -> Iterator[Section]:
    changed = [
        _status_changes(page, most), _columns(page, most),
        _listed(page, most, "new", "New tasks", "first_seen", "No task is new."),
        _listed(page, most, "gone", "Tasks that are gone", "gone_at", "No task is gone."),
    ]  # fmt: skip
    yield Section("changes", "What changed", changed)
    yield _checks(page, most)
    yield Section("freshness", "Freshness", [_freshness(page)])
    yield Section("status", "Status over days", [_status(page)])
    if "churn" in page.answers:
        yield Section("churn", "Churn", [_churn(page)])
    yield Section("failures", "Oldest failures", [_failures(page, most)])
    yield Section("expiring", "Orders that end soon", [_expiring(page, most)])
    if "owners" in page.answers:
        yield Section("owners", "By owner", [_owners(page, most)])
    yield Section("digests", "Digests", [_digests(page, most)])


# --- what changed


def _status_changes(page: Page, most: int) -> Figure:
    answer = page.answers["status-changes"]
    pairs = Counter((_text(row["before"]), _text(row["after"]), bool(row["is_failed"])) for row in answer.rows)
    ranked = sorted(pairs.items(), key=lambda each: (-each[1], each[0]))
    bars = _bars(
        [(f"{before} → {after}", "", [("failed" if failed else "incremental", number)], f"{number:,}")
         for (before, after, failed), number in ranked]
    )  # fmt: skip
    into = sum(number for (_, _, failed), number in ranked if failed)
    lead = f"{count(len(answer.rows), 'change')} of status, {into:,} of them to a failure (hatched)."
    lead += _first(len(bars), len(ranked), "pair")
    return Figure(
        "status-changes", "Changes of status", lead, answer, _table(answer, most), "No job changed its status.",
        bars=bars,
    )  # fmt: skip


def _columns(page: Page, most: int) -> Figure:
    answer = page.answers["changed-columns"]
    rows = [(f"{row['table_name']}.{row['column_name']}", _number(row["jobs"])) for row in answer.rows]
    bars = _bars([(_text(name), "", [("changed", jobs)], count(jobs, "job")) for name, jobs in rows])
    lead = "In how many jobs each column changed." + _first(len(bars), len(rows), "column")
    return Figure(
        "changed-columns", "Changes by column", lead, answer, _table(answer, most), "No value changed.", bars=bars
    )


def _listed(page: Page, most: int, name: str, title: str, when: str, empty: str) -> Figure:
    answer = page.answers[name]
    columns = ["name", "status", when, "source", *([] if page.owner is not None else ["owner"])]
    short = Table(
        [(column.replace("_", " "), False) for column in columns],
        [[_text(row[column]) for column in columns] for row in answer.rows[:_LINES]],
        f"The latest {_LINES} of {len(answer.rows):,}." if len(answer.rows) > _LINES else "",
    )
    lead = f"{count(len(answer.rows), 'task')}." if answer.rows else ""
    return Figure(name, title, lead, answer, _table(answer, most), empty, shown=short)


# --- checks


def _checks(page: Page, most: int) -> Section:
    if page.checks is None:
        return Section("checks", "Checks", [], ["No checks were run."])
    order = sorted(page.checks, key=lambda each: (
        _SEVERITIES.index(each.severity), each.opened, each.source, each.job_id, each.rule, each.detail,
    ))  # fmt: skip
    groups: list[tuple[str, str, Callable[[CheckResult], bool]]] = [
        ("new", "New", lambda each: each.state in {"new", "reopened"}),
        ("overdue", "Overdue", lambda each: _is_overdue(page, each)),
        ("waived", "Waived", lambda each: each.state == "waived"),
    ]
    figures = []
    for key, title, belongs in groups:
        found = [each for each in order if belongs(each)]
        table = _check_table(found, most, waived=key == "waived")
        said = "" if key == "waived" or not found else _severities(found)
        figures.append(Figure(
            f"checks-{key}", f"{title}: {len(found):,}", said, None, table, f"No result is {key}.",
            shown=replace(table, rows=table.rows[:_LINES], said=_first(_LINES, len(found), "result").strip()),
        ))  # fmt: skip
    same = [each for each in order if each.state == "open" and not _is_overdue(page, each)]
    notes = [f"{count(len(same), 'result')} more open and in time, as before."] if same else []
    return Section("checks", "Checks", figures, notes)


def _is_overdue(page: Page, result: CheckResult) -> bool:
    return result.state != "waived" and result.due < page.until


def _severities(found: Sequence[CheckResult]) -> str:
    numbers = Counter(each.severity for each in found)
    return ", ".join(f"{numbers[each]:,} {each}" for each in _SEVERITIES if numbers[each]) + "."


def _check_table(found: Sequence[CheckResult], most: int, *, waived: bool) -> Table:
    heads = ["severity", "rule", "task", "source", "what was found", "open since", *(
        ["reason", "by", "until"] if waived else ["due"]
    )]  # fmt: skip
    rows = [
        [each.severity, f"{each.rule} {each.title}", each.name or each.job_id, each.source, each.detail,
         str(each.opened), *([each.reason, each.by, str(each.until or "")] if waived else [str(each.due)])]
        for each in found[:most]
    ]  # fmt: skip
    return Table([(head, False) for head in heads], [[_text(cell) for cell in row] for row in rows],
                 _left_out(most, len(found)))  # fmt: skip


# --- over days


def _freshness(page: Page) -> Figure:
    answer, days = page.answers["source-days"], _days(page)
    strips, rows = [], []
    for source, group in groupby(answer.rows, key=lambda row: str(row["source"])):
        states = {str(row["day"]): row for row in group}
        last = max(states.values(), key=lambda row: str(row["day"]))
        kinds = [str(states[str(day)]["state"]) if str(day) in states else "" for day in days]
        numbers = Counter(kinds)
        missed = [day for day, kind in zip(days, kinds, strict=True) if kind == "missed"]
        ago = _number(last["age_days"])
        told = "up to date" if ago == 0 else f"{count(ago, 'day')} old"
        told += f", {len(missed):,} missed" if missed else ""
        name = _text(source)
        title = f"{name}: {numbers['complete']} complete, {numbers['partial']} partial, {len(missed)} missed"
        strips.append((name, svg.strip(title, kinds), told))
        rows.append([
            name, _text(last["observed_to"]), f"{ago:,}", f"{numbers['complete']:,}", f"{numbers['partial']:,}",
            f"{len(missed):,}", _runs(missed),
        ])  # fmt: skip
    worst = sorted(range(len(rows)), key=lambda at: (-int(rows[at][2].replace(",", "")), rows[at][0]))[:_STRIPS]
    shown = [strips[at] for at in sorted(worst)]
    heads = ["source", "last snapshot", "days old", "complete", "partial", "missed", "which were missed"]
    table = Table([(head, head in {"days old", "complete", "partial", "missed"}) for head in heads], rows)
    stale = sum(row[2] != "0" for row in rows)
    lead = f"{stale} of {count(len(rows), 'source')} has" if stale == 1 else f"{stale} of {count(len(rows), 'source')} have"
    lead = f"{lead} no snapshot of {page.until}." if stale else f"Every source has a snapshot of {page.until}."
    lead += f" The {_STRIPS} oldest are drawn." if len(strips) > _STRIPS else ""
    kinds = [("complete", "complete"), ("partial", "partial"), ("missed", "missed")]
    return Figure(
        "source-days", "Each source, day by day", lead, answer, table, "No source has a snapshot in these days.",
        strips=shown, below=svg.axis(days), legend=[(svg.swatch(kind), word, "") for kind, word in kinds],
    )  # fmt: skip


def _status(page: Page) -> Figure:
    answer = page.answers["phase-days"]
    found = {(str(row["day"]), str(row["phase"])): _number(row["jobs"]) for row in answer.rows}
    days = _known(page, {day for day, _ in found})
    series = [
        svg.Series(word, phase, [found.get((str(day), phase), 0) for day in days]) for phase, word in _PHASES.items()
    ]
    series = [each for each in series if any(each.values)]
    drawing = svg.columns("Jobs by phase of their status, day by day", days, series) if series else Markup("")
    lead = ""
    if series:
        now = {each.kind: each.values[-1] for each in series}
        then = {each.kind: each.values[0] for each in series}
        failed = now.get("failed", 0)
        lead = (
            f"{count(sum(now.values()), 'job')} on {days[-1]}, {failed:,} of them failed "
            f"({_signed(failed - then.get('failed', 0))} since {days[0]})."
        )
    lead += " Jobs that the owner has now, and their sub-tasks." if page.owner is not None else " Sub-tasks are counted."
    return Figure(
        "phase-days", "Jobs by phase", lead, answer, _by_day(days, series), "There was no job.", drawing,
        legend=_legend(series), labelled=True,
    )  # fmt: skip


def _churn(page: Page) -> Figure:
    answer = page.answers["churn"]
    kinds = {"added": "Added", "changed": "Changed", "removed": "Removed", "deselected": "Deselected"}
    numbers = {kind: Counter[str]() for kind in kinds}
    first = []
    for row in answer.rows:
        if row["is_first_night"]:
            first.append(f"{_text(row['source'])} ({count(_number(row['jobs']), 'job')})")
            continue
        for kind in kinds:
            numbers[kind][str(row["observed_to"])[:10]] += _number(row[kind])
    days = _known(page, {str(row["observed_to"])[:10] for row in answer.rows})
    series = {
        kind: svg.Series(word, kind, [numbers[kind][str(day)] for day in days]) for kind, word in kinds.items()
    }
    used = [each for each in series.values() if any(each.values)]
    up, down = ([each for each in used if (each.kind in {"removed", "deselected"}) is below] for below in (False, True))
    drawing = svg.columns("Jobs that came, changed and left, day by day", days, up, down, labels=False) if used else Markup("")
    total = {kind: sum(each.values) for kind, each in series.items()}
    lead = f"{total['added']:,} added, {total['changed']:,} changed, {total['removed']:,} removed; removed below the line."
    lead += f" Not drawn: the first snapshot of {', '.join(first[:3])}" if first else ""
    lead += (" and others." if len(first) > 3 else ".") if first else ""
    return Figure(
        "churn", "Jobs that came, changed and left", lead, answer, _by_day(days, list(series.values())),
        "No job came, changed or left. " + lead.partition(" Not drawn")[1].strip() + lead.partition(" Not drawn")[2],
        drawing, legend=_legend(used, sums=True),
    )  # fmt: skip


def _days(page: Page) -> list[date]:
    return [page.since + timedelta(days=at) for at in range((page.until - page.since).days + 1)]


def _known(page: Page, found: set[str]) -> list[date]:
    """Return the days of the page from the first that is known."""
    return [day for day in _days(page) if found and str(day) >= min(found)]


def _legend(series: Sequence[svg.Series], *, sums: bool = False) -> list[tuple[Markup, str, str]]:
    return [
        (svg.swatch(each.kind), each.name, f"{sum(each.values) if sums else each.values[-1]:,}")
        for each in series
    ]


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


# --- lists


def _failures(page: Page, most: int) -> Figure:
    answer = page.answers["failed"]
    bars = _bars([
        (_text(row["name"] or row["job_id"]), _joined(row["status"], row["source"], row["owner"]),
         [("failed", _number(row["days"]))],
         f"{count(_number(row['days']), 'day')}{' or more' if row['since_first_night'] else ''}")
        for row in answer.rows
    ])  # fmt: skip
    lead = f"{count(len(answer.rows), 'job')} failed now." + _first(len(bars), len(answer.rows), "job")
    empty = "No job has failed."
    return Figure("failed", "Jobs that failed longest ago", lead, answer, _table(answer, most), empty, bars=bars)


def _expiring(page: Page, most: int) -> Figure:
    answer = page.answers["expiring"]
    left = [(row, (date.fromisoformat(str(row["expires"])[:10]) - page.until).days) for row in answer.rows]
    bars = _bars([
        (_text(row["name"] or row["job_id"]), _joined(str(row["expires"])[:10], row["source"], row["owner"]),
         [("due" if days >= 0 else "failed", abs(days))],
         f"{count(-days, 'day')} ago" if days < 0 else "today" if days == 0 else f"in {count(days, 'day')}")
        for row, days in left
    ])  # fmt: skip
    past = sum(days < 0 for _, days in left)
    lead = f"{count(len(left), 'order')} of tasks that are in use, without automatic renewal, within 30 days."
    lead += f" {past:,} ended already (hatched)." if past else ""
    lead += _first(len(bars), len(left), "order")
    empty = "No order of a task that is in use ends within 30 days."
    return Figure("expiring", "Orders by their end", lead, answer, _table(answer, most), empty, bars=bars)


def _owners(page: Page, most: int) -> Figure:
    answer = page.answers["owners"]
    rows = sorted(answer.rows, key=lambda row: (-_number(row["active"]), _text(row["owner"])))
    bars = _bars([
        ("no owner" if row["owner"] is None else _text(row["owner"]), _needs(row),
         [("failed", _number(row["failed"])), ("incremental", _number(row["active"]) - _number(row["failed"]))],
         f"{_number(row['active']):,}")
        for row in rows
    ])  # fmt: skip
    lead = "Tasks that have not ended; those that failed first, hatched." + _first(len(bars), len(rows), "owner")
    return Figure(
        "owners", "Active tasks by owner", lead, answer, _table(answer, most), "There is no task.", bars=bars
    )


def _needs(row: Row) -> str:
    words = {"failed": "failed", "plain": "without TLS", "public": "on a public network"}
    return ", ".join(f"{_number(row[name]):,} {word}" for name, word in words.items() if row[name])


def _digests(page: Page, most: int) -> Figure:
    answer = page.answers["digests"]
    lead = f"{count(len(answer.rows), 'snapshot')} in these days; the last of each source:"
    last = _last_snapshots(page)
    heads = [("source", False), ("snapshot", True), ("observed", False), ("status", False), ("jobs", True),
             ("digest", False)]  # fmt: skip
    names = ("source", "snapshot_id", "observed_to", "status", "jobs", "digest")
    shown = Table(heads, [[_text(row[name]) for name in names] for row in last[:_STRIPS]],
                  _first(_STRIPS, len(last), "source").strip())  # fmt: skip
    empty = "There is no snapshot of these days."
    return Figure("digests", "Snapshots", lead, answer, _table(answer, most), empty, shown=shown)


def _last_snapshots(page: Page) -> list[Row]:
    """Return the last snapshot in these days of each source, by name."""
    last: dict[str, Row] = {}
    for row in page.answers["digests"].rows:
        name = str(row["source"])
        if name not in last or _number(row["snapshot_id"]) > _number(last[name]["snapshot_id"]):
            last[name] = row
    return [last[name] for name in sorted(last)]


# --- parts


def _bars(rows: Iterable[tuple[str, str, list[tuple[str, int]], str]]) -> list[Bar]:
    """Return the first rows as bars: label, detail, kind and size of each part, and the number as it is written."""
    shown = list(rows)[:_BARS]
    longest = max((sum(size for _, size in parts) for _, _, parts, _ in shown), default=0) or 1
    return [
        Bar(label, detail, svg.bar(f"{label}: {number}", [(kind, size / longest) for kind, size in parts if size]),
            number)
        for label, detail, parts, number in shown
    ]  # fmt: skip


def _first(shown: int, total: int, noun: str) -> str:
    return f" The first {shown:,} of {count(total, noun)} are shown." if total > shown else ""


def _left_out(most: int, total: int) -> str:
    return f"{most:,} of {total:,} rows" if total > most else count(total, "row")


def _table(answer: Answer, most: int) -> Table:
    heads = [(each.name.replace("_", " "), each.kind in {"integer", "number"}) for each in answer.columns]
    names = [each.name for each in answer.columns]
    rows = [[_text(row[name]) for name in names] for row in answer.rows[:most]]
    return Table(heads, rows, _left_out(most, len(answer.rows)))


def _text(value: Json) -> str:
    """Return a cell: no control characters, not too long, times to the minute, numbers with their thousands."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if found := _TIME.match(str(value)):
        return f"{found[1]} {found[2]}"
    text = clean(str(value)[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _joined(*parts: Json) -> str:
    return " · ".join(_text(each) for each in parts if each)


def _number(value: Any) -> int:
    return int(value or 0)


def _signed(number: int) -> str:
    return "±0" if number == 0 else f"{number:+,}".replace("-", "−")
