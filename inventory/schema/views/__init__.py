"""The views: each is declared once, with its SQL for both databases and the meaning of each column.

`parts` says what a view is and what differs between the databases; `validity` has the views of rows over time, `time`
those of days, `changes` those of what changed, `tasks` those of the estate as owners see it, `checks` that of results
of `check`. No migration makes them: `store.derived` creates them after each upgrade.
"""

import re
from functools import cache

from inventory.schema import ENTITIES
from inventory.schema.views.changes import change_details, changes
from inventory.schema.views.checks import check_states
from inventory.schema.views.parts import DIALECTS, View
from inventory.schema.views.tasks import endpoint_security, sub_tasks, tasks
from inventory.schema.views.time import days, freshness
from inventory.schema.views.validity import as_of, job_status_periods, periods

__all__ = ["declared_views", "views", "with_readers"]


@cache
def declared_views(dialect: str) -> tuple[View, ...]:
    """Return the views of a database, in the order to create them: a view comes after those that it reads.

    Args:
        dialect: sqlite or postgresql.
    """
    words = DIALECTS[dialect]
    others = (
        days, freshness, changes, change_details, job_status_periods, sub_tasks, endpoint_security, tasks, check_states,
    )  # fmt: skip
    of_entities = [make(entity, words) for entity in ENTITIES for make in (as_of, periods)]
    return (*of_entities, *(make(words) for make in others))


def with_readers(name: str) -> list[str]:
    """Return a view and those that read it, in the order to drop them on PostgreSQL."""
    found = [name]
    for view in declared_views("postgresql"):
        if view.name not in found and any(re.search(rf"\b(FROM|JOIN) {each}\b", view.query) for each in found):
            found.append(view.name)
    return found[::-1]


def views(dialect: str) -> dict[str, str]:
    """Return name -> CREATE VIEW, in the order to create them."""
    return {view.name: view.sql for view in declared_views(dialect)}
