"""Converts a masked job into rows: one pure walk over the document, driven by the schema.

Input: one result of batch-detail, secrets masked. Output: a tuple for each row, in the order of the entity's
columns, and findings. Uses no network and no database, and no table name except `jobs`. Nothing is dropped: a value
without a column, or one that its column would not give back exactly, goes to the overflow column ``extra``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inventory.common.exact_json import Json, canonical, is_empty, kind_of, tidy
from inventory.common.masks import is_free_map, is_mask
from inventory.normalise.findings import Finding
from inventory.schema import LISTED_ELSEWHERE, LISTED_TOO
from inventory.schema.fields import Empty
from inventory.schema.keys import digest16, key_text
from inventory.schema.kinds import UNSTORABLE_IN_KEY, Misfit
from inventory.schema.layout import ELEMENT, Branch, Layout, Leaf, Shape, join_path, layout_of

__all__ = ["NormalisedJob", "Row", "identity", "normalise", "normalise_listing", "unknown_field", "unknown_value"]

Row = tuple[Any, ...]
_MAX_QUOTED = 100


@dataclass(frozen=True, slots=True)
class NormalisedJob:
    """The rows of one job by entity, parents first, and its findings."""

    job_id: str
    rows: dict[str, list[Row]]
    findings: list[Finding]


@dataclass(slots=True)
class _Draft:
    """A row under construction. `item`: the canonical text of a list item without an id."""

    layout: Layout
    values: list[Any]
    path: str | None
    parent: "_Draft | None" = None
    item: str = ""
    extra: dict[str, Json] = field(default_factory=dict)

    def set(self, column: str, value: Any) -> None:
        self.values[self.layout.index[column]] = value

    def get(self, column: str) -> Any:
        return self.values[self.layout.index[column]]


def normalise(job_id: str, document: dict[str, Json]) -> NormalisedJob:
    """Turn one masked result into rows.

    Args:
        job_id: the requested id; it is the key even if the answer has no id, or another form of it.
        document: as batch-detail sent it (Table 6), masked by `Redactor.job`.
    """
    walk = _Walk(job_id)
    job = walk.start(layout_of("jobs"), None, None)
    walk.fill(job, job.layout.shape, document, None, None)
    if job.get("id") != job_id:
        job.set("id", job_id)
        job.extra.setdefault("id", document.get("id"))
    return NormalisedJob(job_id, walk.finish(), walk.findings)


def normalise_listing(job_id: str, parent_job_id: str | None, item: dict[str, Json], *, alone: bool) -> NormalisedJob:
    """Convert the listing of one job into its row of `job_listings`.

    Args:
        item: an element of `jobs` or of its `children`, masked by `Redactor.listing`.
        alone: the job itself was not read, so fields that its details would have are kept too.
    """
    walk = _Walk(job_id)
    draft = walk.start(layout_of("job_listings"), None, None)
    draft.set("job_id", job_id)
    draft.set("parent_job_id", parent_job_id)
    members = draft.layout.shape.members
    dropped = LISTED_ELSEWHERE | (LISTED_TOO - members.keys() if alone else LISTED_TOO)
    new = {name: value for name, value in item.items() if name not in dropped}
    walk.fill(draft, draft.layout.shape, new, None, "jobs[]")
    if alone:
        kept = {name: tidy(item[name]) for name in (LISTED_TOO - members.keys()) & item.keys()}
        draft.extra.update({name: value for name, value in kept.items() if not is_empty(value)})
    return NormalisedJob(job_id, walk.finish(), walk.findings)


class _Walk:
    """One pass over one job. `at`: the path inside the row's object. `full`: the path from the job."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._drafts: dict[str, list[_Draft]] = {}
        self.findings: list[Finding] = []

    def start(self, layout: Layout, parent: _Draft | None, full: str | None) -> _Draft:
        draft = _Draft(layout, [None] * len(layout.index), full, parent)
        if parent is not None:
            draft.set("job_id", self._job_id)
        self._drafts.setdefault(layout.entity.name, []).append(draft)
        return draft

    def fill(self, draft: _Draft, shape: Shape, members: dict[str, Json], at: str | None, full: str | None) -> None:
        """Put the members of one JSON object into a row, and its child objects into rows of other tables."""
        for name, value in members.items():
            part, inner_at, inner_full = shape.members.get(name), join_path(at, name), join_path(full, name)
            if is_empty(value):
                self._set_empty(draft, part, value)
            elif isinstance(part, Leaf):
                self._set_leaf(draft, part, value, inner_at, inner_full)
            elif isinstance(part, Shape) and isinstance(value, dict):
                self.fill(draft, part, value, inner_at, inner_full)
            elif isinstance(part, Branch) and isinstance(value, list) and part.place.many:
                self._add_list(draft, part, value, inner_at, inner_full)
            elif isinstance(part, Branch) and isinstance(value, dict) and not part.place.many:
                if not is_empty(tidy(value)):
                    self._add_row(draft, part, value, inner_full)
            elif not is_empty(kept := tidy(value)):
                draft.extra[inner_at] = kept
                if part is None:
                    self.findings += unknown_field(self._job_id, inner_full, value)
                else:
                    expected = "a list" if isinstance(part, Branch) and part.place.many else "an object"
                    self._report("wrong_type", inner_full, f"expected {expected}, got {kind_of(value)}")

    @staticmethod
    def _set_empty(draft: _Draft, part: object, value: Json) -> None:
        """Store an empty text in a column for which it is a value."""
        if value == "" and isinstance(part, Leaf) and part.api.empty is not Empty.UNSET:
            draft.values[part.index] = ""

    def _add_list(self, parent: _Draft, branch: Branch, items: list[Json], at: str, full: str) -> None:
        path, left_over = f"{full}[]", []
        for item in items:
            if branch.layout.shape.element is not None:
                self._add_row(parent, branch, item, path)
            elif not isinstance(item, dict):
                left_over.append(tidy(item))
                self._report("wrong_type", path, f"expected an object, got {kind_of(item)}")
            elif branch.place.pairs and is_free_map(item):
                for key, value in item.items():
                    self._add_row(parent, branch, {"key": key, "value": value}, path)
            else:
                self._add_row(parent, branch, item, path)
        if left_over:
            parent.extra[f"{at}[]"] = sorted(left_over, key=canonical)

    def _add_row(self, parent: _Draft, branch: Branch, item: Json, full: str) -> None:
        layout, place = branch.layout, branch.place
        draft = self.start(layout, parent, full)
        if place.role is not None:
            draft.set("role", place.role)
        element = layout.shape.element
        if element is not None:
            self._set_leaf(draft, element, item, ELEMENT, full)
        else:
            self.fill(draft, layout.shape, item, None, full)
        for leaf in layout.default_leaves:
            if draft.values[leaf.index] is None and leaf.api.path not in draft.extra:
                draft.values[leaf.index] = ""
                draft.extra[leaf.api.path or ""] = None
        for leaf in layout.key_leaves:
            if draft.values[leaf.index] is None:
                draft.values[leaf.index] = ""
                if leaf is not element and (leaf.api.path or "") not in draft.extra:
                    self._report(
                        "missing_key", join_path(full, leaf.api.path or ""), "part of the key, missing or empty"
                    )
        if layout.entity.has_item:
            draft.item = canonical(tidy(item)) if place.many else ""
            members = (_member(item, path.split(".")) for path in layout.entity.identity)
            draft.set("item", (identity(members) or digest16(draft.item)) if place.many else "")

    def _set_leaf(self, draft: _Draft, leaf: Leaf, value: Json, at: str, full: str) -> None:
        kind, stored = leaf.api.kind, None
        try:
            stored, exact = kind.read(value)
            if leaf.api.limit is not None and isinstance(stored, str) and len(stored.encode()) > leaf.api.limit:
                raise Misfit(f"text of at most {leaf.api.limit} bytes", "too_long")
            if leaf.is_key and isinstance(stored, str) and UNSTORABLE_IN_KEY.search(stored):
                raise Misfit("text without control characters", "unstorable_text")
        except Misfit as misfit:
            exact, stored = False, key_text(value) if leaf.is_key and isinstance(value, str) else None
            kept = tidy(value)
            if is_empty(kept) and leaf.api.path != ELEMENT:
                return
            self._misfit(full, value, misfit.kind, misfit.expected)
        else:
            known = stored if kind.flags is None else value if stored is None else None
            if not exact and not kind.either and (kind.flags is None or stored is not None):
                self._misfit(full, value, "wrong_type", kind.wire)
            if known is not None and leaf.values and str(known).lower() not in leaf.values:
                self.findings += unknown_value(self._job_id, full, known)
        draft.values[leaf.index] = stored
        if not exact:
            draft.extra[at] = tidy(value)

    def _misfit(self, full: str, value: Json, kind: str, expected: str) -> None:
        if not is_mask(value):  # a masked number is not the service's error
            self._report(kind, full, f"expected {expected}, got {kind_of(value)}")

    def _report(self, kind: str, path: str, detail: str) -> None:
        self.findings.append(Finding(kind, path, self._job_id, detail, shared=True))

    def finish(self) -> dict[str, list[Row]]:
        """Number the occurrences, parents before children, and return the rows."""
        rows: dict[str, list[Row]] = {}
        for name, drafts in self._drafts.items():
            rows[name] = []
            for draft in drafts:
                if draft.extra:
                    draft.set("extra", canonical(draft.extra))
            if name == "jobs":
                rows[name] = [tuple(draft.values) for draft in drafts]
                continue
            groups: dict[Row, list[_Draft]] = {}
            for draft in drafts:
                self._set_parent_item(draft)
                groups.setdefault(tuple(draft.get(c) for c in draft.layout.entity.key[:-1]), []).append(draft)
            for group in groups.values():
                self._number_occurrences(group)
                rows[name].extend(tuple(draft.values) for draft in group)
        return rows

    @staticmethod
    def _set_parent_item(draft: _Draft) -> None:
        if draft.layout.entity.inherits_item and draft.parent is not None:
            draft.set("item", draft.parent.get("item"))
            draft.set("item_occurrence", draft.parent.get("occurrence"))

    def _number_occurrences(self, group: list[_Draft]) -> None:
        if len(group) > 1:
            # By content, so that the order in the answer has no effect.
            group.sort(key=lambda draft: (draft.item, [_sortable(value) for value in draft.values]))
            own = {(draft.item, draft.layout.entity.inherits_item and draft.get("item_occurrence")) for draft in group}
            if len(own) < len(group):  # otherwise the contents differ and only the key is equal
                self._report("repeated_key", group[0].path or "", "rows that are equal in their key")
        for number, draft in enumerate(group):
            draft.set("occurrence", number)


def identity(members: Iterable[Json]) -> str:
    """Return the key of a list item, made of these members.

    It is '' if the item has none of them, or if one is masked: a mask identifies nothing.
    """
    found: list[str] = []
    for member in members:
        if isinstance(member, list):
            found.append(",".join(sorted(filter(None, map(_text, member)))))
        elif is_mask(member):
            return ""
        else:
            found.append(_text(member))
    return key_text(" ".join(filter(None, found)))


def _text(member: Json) -> str:
    return member if isinstance(member, str) else "" if is_empty(member) else canonical(member)


def _member(value: Json, path: list[str]) -> Json:
    """Return the member at a path; None if there is none. A name that ends in ``[]`` is that of a list."""
    for at, name in enumerate(path):
        if not isinstance(value, dict):
            return None
        value = value.get(name.removesuffix("[]"))
        if name.endswith("[]"):
            return [_member(each, path[at + 1 :]) for each in value] if isinstance(value, list) else None
    return tidy(value)


def unknown_field(job_id: str, path: str, value: Json) -> list[Finding]:
    """Return the finding for a member without a column."""
    return [Finding("unknown_field", path, job_id, f"no column; {kind_of(value)}", shared=True)]


def unknown_value(job_id: str, path: str, value: Any) -> list[Finding]:
    """Return the finding for an undocumented value; a mask gives none."""
    if is_mask(value):
        return []
    quoted = value[:_MAX_QUOTED] if isinstance(value, str) else value
    detail = f"not among the documented values: {canonical(quoted)}"
    return [Finding("unknown_value", path, job_id, detail, shared=True)]


def _sortable(value: Any) -> tuple[bool, str]:
    return (value is not None, str(value))
