"""Items of lists that are named by their content: where the masks in them changed, so did the name.

Without this, another fingerprint key would show every physical source, alarm and filter as one that left and
one that came. Whole items are compared, the rows of their inner lists included; an item has few rows, and a
job few items that changed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from inventory.diff.masks import agree
from inventory.jsontext import read
from inventory.normalise import Row
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity

__all__ = ["renamed"]

_NAMES = ("item", "occurrence", "item_occurrence")
Item = dict[str, list[Row]]  # entity -> rows
Named = Iterable[tuple[Entity, Row]]


def renamed(left: Named, came: Named) -> list[tuple[tuple[str, Row], tuple[str, Row]]]:
    """Pair the rows that left with those that came where their items differ in masks and name alone.

    Returns:
        For each pair of rows the entity's name and the row: the old, the new.
    """
    olds, news = _items(left), _items(came)
    pairs = []
    for place in olds.keys() & news.keys():
        waiting = list(news[place])
        for old in olds[place]:
            for new in waiting:
                if (matched := _match(old, new)) is not None:
                    pairs.extend(matched)
                    waiting.remove(new)
                    break
    return pairs


def _items(rows: Named) -> Mapping[tuple[str, str], list[Item]]:
    """Gather rows into items: (table of the list, job) -> its items."""
    items: dict[tuple[str, str, str, int], Item] = {}
    for entity, row in rows:
        values = dict(zip(entity.names, row, strict=True))
        if "item" not in entity.own or not values["item"]:
            continue
        table = str(entity.parent) if entity.inherits_item else entity.name
        number = values["item_occurrence" if entity.inherits_item else "occurrence"]
        place = table, values["job_id"], values["item"], number
        items.setdefault(place, {}).setdefault(entity.name, []).append(row)
    found: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for (table, job_id, _, _), item in items.items():
        found[table, job_id].append(item)
    return found


def _match(old: Item, new: Item) -> list[tuple[tuple[str, Row], tuple[str, Row]]] | None:
    if {name: len(rows) for name, rows in old.items()} != {name: len(rows) for name, rows in new.items()}:
        return None
    pairs = []
    for name, rows in old.items():
        waiting = list(new[name])
        for row in rows:
            other = next((each for each in waiting if _same(name, row, each)), None)
            if other is None:
                return None
            waiting.remove(other)
            pairs.append(((name, row), (name, other)))
    return pairs


def _same(name: str, one: Row, other: Row) -> bool:
    columns = BY_NAME[name].names
    return all(
        a == b or agree(_value(column, a), _value(column, b))
        for column, a, b in zip(columns, one, other, strict=True)
        if column not in _NAMES
    )


def _value(column: str, value: Any) -> Any:
    return read(value) if column == "extra" and value else value
