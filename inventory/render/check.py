"""What `check` came to, as text, Markdown and JSON; and the page of a rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from textwrap import wrap

from inventory.common.exact_json import Json
from inventory.common.safe_text import clean, count, cut, moment, table
from inventory.render.json import plain
from inventory.render.markdown import code
from inventory.report.checks.checked import Checked, Line
from inventory.report.checks.rule import Rule
from inventory.report.checks.states import CLOSED, OPEN, WAIVED, Result
from inventory.schema.kinds import rfc3339

__all__ = [
    "as_markdown", "as_text", "history_members", "history_text", "list_members", "list_text", "members", "rule_page",
    "summary",
]  # fmt: skip

_HEADINGS = {
    "new": "NEW", "reopened": "REOPENED", "overdue": "OVERDUE", "fixed": "FIXED", "closed": "CLOSED", "same": "SAME",
    "waived": "WAIVED",
}  # fmt: skip
_TOLD = ("new", "reopened", "overdue", "fixed", "closed")  # always; the others are counted
_REASONS = {
    "fixed": "fixed", "job_gone": "the job is gone", "rule_changed": "the rule is another one now",
    "source_retired": "the source was retired",
}  # fmt: skip
_MOST = 160  # characters of a detail
_WIDTH = 100


def as_text(checked: Checked, lines: list[Line], *, full: bool) -> Iterator[str]:
    """Yield lines for people: what is new first, then one line that counts all.

    Args:
        lines: those of the severities that are wanted. full: list what is the same and what is waived too.
    """
    for word in (*_TOLD, *(("same", "waived") if full else ())):
        found = [line for line in lines if line.word == word]
        if found:
            yield _HEADINGS[word]
            yield from (f"  {_entry(line)}" for line in found)
    unknown = list(_unknown(checked))
    if unknown:
        yield "UNKNOWN"
        yield from (f"  {clean(line)}" for line in unknown)
    yield from _sums(checked, lines)


def _entry(line: Line) -> str:
    result = line.result
    parts = [f"{result.severity:8} {line.rule.id} {line.rule.title}:", *_subject(line), clean(_short(result.detail))]
    return f"{' '.join(part for part in parts if part)}{_facts(line)}"


def _short(detail: str) -> str:
    return detail if len(detail) <= _MOST else f"{detail[:_MOST]}…"


def _subject(line: Line) -> list[str]:
    result = line.result
    named = f'"{clean(line.job_name)}"' if line.job_name else ""
    return [clean(line.source), clean(result.job_id), named, f"[{clean(result.key)}]" if result.key else ""]


def _facts(line: Line) -> str:
    return "".join(f"; {clean(fact)}" for fact in _fact_list(line))


def _fact_list(line: Line) -> Iterator[str]:
    result = line.result
    if result.state == CLOSED:
        yield f"{_REASONS[str(result.close_reason)]}, open since {_day(result.opened_at)}"
        return
    if result.owner:
        yield f"owner {result.owner}"
    yield f"since {_day(result.opened_at)}"
    if result.reopened:
        yield f"first {_day(result.first_ever_at)}, reopened {count(result.reopened, 'time')}"
    if line.waiver is not None:
        yield f"waived until {line.waiver.until} by {line.waiver.by}: {line.waiver.reason}"
    else:
        yield f"{'was due' if line.is_overdue else 'due'} {_day(result.due_at)}"


def _day(when: datetime) -> str:
    return rfc3339(when)[:10]


def _unknown(checked: Checked) -> Iterator[str]:
    """Yield a line for each source and reason, with the rules that it keeps from judging."""
    found: dict[tuple[str, bool, str], list[str]] = {}
    for each in checked.unknown:
        found.setdefault((each.source, each.has_failed, each.why), []).append(each.rule.id)
    for (source, has_failed, why), rules in found.items():
        named = ", ".join(rules) if len(rules) < 4 else count(len(rules), "rule")
        yield f"{source}: {named}{' failed' if has_failed else ''}: {why}"


def _sums(checked: Checked, lines: list[Line]) -> Iterator[str]:
    numbers = {word: len(checked.of(word)) for word in _HEADINGS}
    is_open = ("new", "reopened", "overdue", "same")
    parts = [f"{numbers[word]:,} {'the same' if word == 'same' else word}" for word in is_open if numbers[word]]
    said = count(sum(numbers[word] for word in is_open), "open result")
    said += f" ({', '.join(parts)})" if parts else ""
    ends = "".join(f", {numbers[word]:,} {word}" for word in ("fixed", "closed") if numbers[word])
    yield f"{said}, {numbers['waived']:,} waived{ends}."
    if left := len(checked.lines) - len(lines):
        yield f"{left:,} of a lower severity {'is' if left == 1 else 'are'} not shown."
    if checked.strangers:
        named = ", ".join(sorted(checked.strangers))
        yield clean(f"{count(sum(checked.strangers.values()), 'result')} of rules that are not here: {named}.")


def as_markdown(checked: Checked, lines: list[Line]) -> Iterator[str]:
    """Yield lines of Markdown; whatever the service sent stands in a code span."""
    yield "## Checks"
    yield ""
    for word, heading in _HEADINGS.items():
        found = [line for line in lines if line.word == word]
        if not found:
            continue
        yield f"### {heading.capitalize()}"
        yield ""
        for line in found:
            subject = " ".join(code(part) for part in (line.source, line.result.job_id, line.job_name or "") if part)
            key = f" {code(line.result.key)}" if line.result.key else ""
            facts = "; ".join(code(fact) for fact in _fact_list(line))
            yield (
                f"- **{line.result.severity}** {line.rule.id} {code(line.rule.title)}: {subject}{key}:"
                f" {code(_short(line.result.detail))}; {facts}"
            )
        yield ""
    if unknown := list(_unknown(checked)):
        yield "### Unknown"
        yield ""
        yield from (f"- {code(line)}" for line in unknown)
        yield ""
    yield from _sums(checked, lines)


def members(checked: Checked, lines: list[Line]) -> dict[str, Json]:
    """Return the members of the JSON document."""
    return {
        "now": rfc3339(checked.now),
        "rules": [_rule(rule) for rule in checked.rules],
        "snapshots": [plain(row) for row in checked.snapshots],
        "results": [
            {"change": line.word, "job_name": line.job_name, "is_overdue": line.is_overdue,
             "waiver": _waiver(line), **_result(line.result, line.source)}
            for line in lines
        ],
        "unknown": [
            {"source": each.source, "rule_id": each.rule.id, "why": each.why, "has_failed": each.has_failed}
            for each in checked.unknown
        ],
        "summary": {word: len(checked.of(word)) for word in _HEADINGS},
        "rules_not_here": [
            {"rule_id": rule_id, "results": number} for rule_id, number in sorted(checked.strangers.items())
        ],
    }  # fmt: skip


def summary(checked: Checked) -> dict[str, Json]:
    """Return the numbers that the document of `export` has."""
    numbers: dict[str, Json] = {word: len(checked.of(word)) for word in _HEADINGS}
    return numbers | {"unknown": len(checked.unknown)}


def _rule(rule: Rule) -> dict[str, Json]:
    names = ("id", "name", "title", "severity", "meaning", "remedy", "sla_days")
    age = None if rule.max_age is None else int(rule.max_age.total_seconds())
    return {**{name: getattr(rule, name) for name in names}, "max_age_seconds": age}


def _result(result: Result, source: str) -> dict[str, Json]:
    row = {name: value for name, value in asdict(result).items() if name != "source_id"}
    return {"source": source, **plain(row)}


def _waiver(line: Line) -> Json:
    waiver = line.waiver
    if waiver is None:
        return None
    return {
        "reason": waiver.reason, "by": waiver.by, "created_at": rfc3339(waiver.created_at),
        "until": waiver.until.isoformat(),
    }  # fmt: skip


def list_members(rules: Iterable[Rule], states: list[Result]) -> dict[str, Json]:
    """Return the members of `check list --json`: each rule with its open and its waived results."""
    counts = _counts(states)
    return {"rules": [{**_rule(rule), **counts.get(rule.id, _NONE)} for rule in rules]}


_NONE = {OPEN: 0, WAIVED: 0}


def _counts(states: list[Result]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for result in states:
        if result.state != CLOSED:
            found.setdefault(result.rule_id, dict(_NONE))[result.state] += 1
    return found


def list_text(rules: Iterable[Rule], states: list[Result], *, width: int | None) -> str:
    """Return a table of the rules."""
    counts = _counts(states)
    rows: list[list[object]] = [
        [rule.id, rule.name, rule.severity, rule.sla_days, *counts.get(rule.id, _NONE).values(), rule.title]
        for rule in rules
    ]
    return table(["id", "name", "severity", "days", "open", "waived", "title"], rows, width=width)


def history_text(
    rows: list[tuple[datetime, Result]], sources: Mapping[int, str], *, full: bool
) -> Iterator[str]:  # fmt: skip
    """Yield a line for each state that results had, in order of time."""
    for recorded_at, result in rows:
        key = f" [{result.key}]" if result.key else ""
        state = f"closed, {_REASONS[str(result.close_reason)]}" if result.state == CLOSED else result.state
        again = f", reopened {count(result.reopened, 'time')}" if result.reopened else ""
        detail = clean(result.detail)
        yield (
            f"{moment(recorded_at)}  {result.rule_id}  {clean(sources[result.source_id])}  {clean(result.job_id)}"
            f"{clean(key)}  {state}{again}  {detail if full else cut(detail, 80)}"
        )


def history_members(rows: list[tuple[datetime, Result]], sources: Mapping[int, str]) -> dict[str, Json]:
    """Return the members of `check history --json`."""
    return {
        "states": [
            {"recorded_at": rfc3339(at), **_result(result, sources[result.source_id])} for at, result in rows
        ]
    }  # fmt: skip


def rule_page(rule: Rule) -> list[str]:
    """Return the page of a rule, in Markdown: docs/reference/rules.md has that of each that is shipped."""
    judged = "a snapshot of any age" if rule.max_age is None else f"a complete snapshot of at most {_hours(rule)} h"
    return [
        f"#### {rule.id} {rule.title}",
        "",
        *wrap(f"`{rule.name}`, {rule.severity}; to be closed within {count(rule.sla_days, 'day')}; judges {judged}."
              f" One result for each {' and '.join(rule.identity).replace('job_id', 'job')}.", _WIDTH),
        "",
        *wrap(rule.meaning, _WIDTH),
        "",
        *wrap(f"What to do: {rule.remedy}", _WIDTH),
        *(f"- `:{each.name}` ({each.kind}, `{each.default}`): {each.meaning}" for each in rule.parameters),
    ]  # fmt: skip


def _hours(rule: Rule) -> str:
    return f"{rule.max_age.total_seconds() / 3600:g}" if rule.max_age is not None else ""
