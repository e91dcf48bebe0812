"""Charts as SVG: no script, nothing loaded, and texts that keep their size on a narrow page.

A chart is as wide as the page allows. Its marks are paths in a box of 1,000 units that is stretched; texts, lines and
hatches stand outside of that box, at percentages. Colours and patterns are classes of the style sheet (`k-NAME`), so
that a chart follows the colour scheme, and no mark is told from another by its colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, groupby

from markupsafe import Markup

__all__ = ["Series", "axis", "bar", "columns", "marks_of", "patterns", "step_of", "strip", "swatch"]

WIDE = 1000  # units of the box that is stretched
HIGH = 230  # pixels of a plot
LINE = 16  # pixels between two labels
MANY = 62  # days from which columns touch
TOLD = 190  # days up to which each has a text of its own: a column must be wide enough to be pointed at
THIN = 90  # units of a column at most


@dataclass(frozen=True)
class Series:
    """A quantity day by day. name: for people. kind: of the style sheet."""

    name: str
    kind: str
    values: Sequence[int]


# kind -> what is drawn over its colour. Kinds that are not here are plain.
_PATTERNS = {
    "failed": '<path d="M0 3H6"/>', "removed": '<path d="M0 3H6"/>', "missed": '<path d="M0 3H6"/>',
    "setup": '<circle cx="3" cy="3" r="1"/>', "change": '<path d="M3 0V6"/>', "changed": '<path d="M3 0V6"/>',
    "partial": '<path d="M3 0V6"/>', "release": '<path d="M0 3H6M3 0V6"/>',
    "unknown": '<circle cx="3" cy="3" r="1.7"/>',
}  # fmt: skip


def patterns() -> Markup:
    """Return the patterns, once for all charts of a page."""
    found = (
        f'<pattern id="p-{kind}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect class="c-{kind}" width="6" height="6"/>{drawn}</pattern>'
        for kind, drawn in _PATTERNS.items()
    )
    return Markup('<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{}</defs></svg>').format(
        Markup("").join(map(Markup, found))  # our own, without data
    )


def columns(
    title: str, days: Sequence[date], up: Sequence[Series], down: Sequence[Series] = (), *, labels: bool = True
) -> Markup:
    """Return stacked columns, one a day, with an axis of days and one of numbers.

    Args:
        up: from the line upwards, the first at the line. down: likewise downwards. labels: whether the names of `up`
            stand beside the last column, with its numbers.
    """
    above, below = (max((sum(day) for day in _by_day(days, each)), default=0) for each in (up, down))
    scale = HIGH / max(above + below, 1)
    line = above * scale
    marks = Markup("").join(
        Markup('<path class="k-{}" d="{}"/>').format(each.kind, path)
        for series, sign in ((up, -1), (down, 1))
        for each, path in _paths(days, series, line, sign * scale)
    )
    every = step_of(max(above, below, 1))
    lines = [*range(0, above + 1, every), *range(-every, -below - 1, -every)]
    grid = Markup("").join(
        Markup(
            '<line class="{}" x2="100%" y1="{y}" y2="{y}"/><text class="end" x="-8" y="{y}" dy=".32em">{:,}</text>'
        ).format("base" if value == 0 else "grid", abs(value), y=_px(line - value * scale))
        for value in lines
    )
    return Markup(
        '<svg class="plot{room}" role="img" width="90%" height="{high}"><title>{title}</title>{grid}{axis}'
        '<svg viewBox="0 0 {wide} {plot}" preserveAspectRatio="none" width="100%" height="{plot}">{marks}</svg>'
        "{base}{hits}{labels}</svg>"
    ).format(
        room=" labelled" if labels else "", high=HIGH + 28, title=title, grid=grid, axis=_axis(days, HIGH), wide=WIDE,
        plot=HIGH, marks=marks, base=Markup('<line class="base" x2="100%" y1="{y}" y2="{y}"/>').format(y=_px(line)),
        hits=_hits(days, [*up, *down]), labels=_labels(up, line, scale) if labels else "",
    )  # fmt: skip


def axis(days: Sequence[date]) -> Markup:
    """Return an axis of days alone, to stand below strips."""
    return Markup('<svg class="axis" width="100%" height="22" aria-hidden="true">{}</svg>').format(_axis(days, 0))


def strip(title: str, states: Sequence[str]) -> Markup:
    """Return one line of days, each of a kind; '' leaves a day out."""
    share = 100 / max(len(states), 1)
    at, found = 0, []
    for kind, run in groupby(states):
        size = len(list(run))
        if kind:
            found.append(
                Markup('<rect class="k-{}" x="{}%" width="{}%" y="2" height="16"/>').format(
                    kind, _px(at * share), _px(size * share)
                )
            )
        at += size
    edges = "".join(f"M{_px(day * WIDE / len(states))} 0V20" for day in range(1, len(states)))
    cuts = Markup(
        '<svg viewBox="0 0 {} 20" preserveAspectRatio="none" width="100%" height="20"><path class="cut" d="{}"/></svg>'
    ).format(WIDE, edges if len(states) <= MANY else "")
    return Markup('<svg class="strip" role="img" width="100%" height="20"><title>{}</title>{}{}</svg>').format(
        title, Markup("").join(found), cuts
    )


def bar(title: str, parts: Iterable[tuple[str, float]]) -> Markup:
    """Return a bar of parts, each a kind and its share of the whole width, 0 to 1."""
    at, found = 0.0, []
    for kind, share in parts:
        found.append(
            Markup('<rect class="k-{}" x="{}%" width="{}%" height="10"/>').format(kind, _px(at), _px(share * 100))
        )
        at += share * 100
    return Markup('<svg class="bar" role="img" width="100%" height="10"><title>{}</title>{}</svg>').format(
        title, Markup("").join(found)
    )


def swatch(kind: str) -> Markup:
    """Return a sample of a kind, for a legend."""
    return Markup(
        '<svg class="swatch" width="12" height="12" aria-hidden="true"><rect class="k-{}" width="12" height="12"/>'
        "</svg>"
    ).format(kind)


def marks_of(days: Sequence[date]) -> list[tuple[int, str]]:
    """Return which days have a mark on an axis, by their place, and its text: at most about seven, for narrow pages."""
    places = list(enumerate(days))
    if len(days) <= 12:
        every = 1 if len(days) <= 5 else 2 if len(days) <= 8 else 3
        return [(at, f"{day:%b} {day.day}") for at, day in places[::every]]
    if len(days) <= 45:
        return [(at, f"{day:%b} {day.day}") for at, day in places[1:-1] if day.weekday() == 0]
    starts = [(at, day) for at, day in places if day.day == 1]
    if len(days) <= 100:
        return [(at, f"{day:%b} {day.day}") for at, day in places if day.day in {1, 15}]
    every = next(each for each in (1, 2, 3, 6, 12, 24, 60, 120, 10**6) if len(starts) / each <= 7)
    return [
        (at, f"{day:%b}" if day.month != 1 and every < 12 else f"{day.year}")
        for at, day in starts
        if (day.year * 12 + day.month - 1) % every == 0
    ]


def step_of(top: int) -> int:
    """Return the distance of the numbers on an axis up to `top`: 1, 2 or 5 x 10^n, at most five of them above 0."""
    step, at = 1, 0
    while top / step > 5:
        step = (2, 5, 10)[at % 3] * 10 ** (at // 3)
        at += 1
    return step


def _by_day(days: Sequence[date], series: Sequence[Series]) -> list[list[int]]:
    return [[each.values[at] for each in series] for at in range(len(days))]


def _paths(days: Sequence[date], series: Sequence[Series], line: float, scale: float) -> list[tuple[Series, str]]:
    """Return the path of each series: a box for each day on which it is not 0."""
    band = WIDE / max(len(days), 1)
    wide = min(band * (0.84 if len(days) <= MANY else 1), THIN)
    stacks = [list(accumulate(day, initial=0)) for day in _by_day(days, series)]
    found = []
    for nth, each in enumerate(series):
        boxes = (
            f"M{_px(at * band + (band - wide) / 2)} {_px(line + stack[nth] * scale)}h{_px(wide)}"
            f"v{_px(each.values[at] * scale)}h{_px(-wide)}z"
            for at, stack in enumerate(stacks)
            if each.values[at]
        )
        found.append((each, "".join(boxes)))
    return found


def _axis(days: Sequence[date], top: int) -> Markup:
    band = 100 / max(len(days), 1)
    found = []
    for at, text in marks_of(days):
        place = (at + 0.5) * band if len(days) <= MANY else at * band
        anchor = "start" if place < 4 else "end" if place > 96 else "middle"
        found.append(
            Markup('<line class="tick" x1="{x}%" x2="{x}%" y1="{}" y2="{}"/><text class="{}" x="{x}%" y="{}">{}</text>')
            .format(top, top + 5, anchor, top + 19, text, x=_px(place))
        )  # fmt: skip
    return Markup("").join(found)


def _hits(days: Sequence[date], series: Sequence[Series]) -> Markup:
    """Return a field for each day whose text is shown where the pointer rests."""
    if len(days) > TOLD:
        return Markup("")
    band = 100 / max(len(days), 1)
    found = []
    for at, day in enumerate(days):
        said = ", ".join(f"{each.name} {each.values[at]:,}" for each in series if each.values[at])
        found.append(
            Markup('<rect class="hit" x="{}%" width="{}%" height="{}"><title>{}: {}</title></rect>').format(
                _px(at * band), _px(band), HIGH, day, said or "none"
            )
        )
    return Markup("").join(found)


def _labels(series: Sequence[Series], line: float, scale: float) -> Markup:
    """Return the names beside the last column, moved apart where they would overlap."""
    last = [(each, each.values[-1]) for each in series if each.values and each.values[-1]]
    places, at = [], 0
    for each, value in last:
        places.append((each, value, line - (at + value / 2) * scale))
        at += value
    moved: list[float] = []
    for _, _, wanted in places:  # from the line upwards
        moved.append(min(wanted, moved[-1] - LINE) if moved else min(wanted, line - LINE / 2))
    if moved and moved[-1] < LINE / 2:  # then downwards, from the top
        lowest = LINE / 2
        for nth in reversed(range(len(moved))):
            moved[nth] = max(moved[nth], lowest)
            lowest = moved[nth] + LINE
    return Markup("").join(
        Markup(
            '<g class="direct"><svg x="100%" y="{}" width="12" height="12" overflow="visible">'
            '<rect class="k-{}" x="8" width="10" height="10"/><text x="24" y="9">{} <tspan>{:,}</tspan></text>'
            "</svg></g>"
        ).format(_px(y - 5), each.kind, each.name, value)
        for (each, value, _), y in zip(places, moved, strict=True)
    )


def _px(number: float) -> str:
    """Return a number with at most two decimals."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
