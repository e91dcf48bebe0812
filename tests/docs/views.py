"""The columns of the views, with the types of both databases; those of each entity are its table's and a few more."""

from collections.abc import Callable
from functools import partial

from inventory.schema import BY_NAME
from inventory.schema.dictionary import as_json
from tests.docs.markdown import joined, table
from tests.docs.tables import HEAD, cells

__all__ = ["PARTS"]

_HEAD = tuple(word for word in HEAD if word not in ("from", "reference"))
DERIVED = {"as_of", "periods"}  # of each entity's table: one stands for all
SHOWN = "jobs"


def _columns(view: str) -> str:
    declared = next(each for each in as_json()["views"] if each["name"] == view)
    columns = declared["columns"]
    if view.partition("_")[2] in DERIVED:
        own = {column.name for column in BY_NAME[SHOWN].current.columns} - {"source_id", "valid_from"}
        columns = [each for each in columns if each["name"] not in own]
        return joined(["The columns of the table, and:", "", *_table(columns)])
    return joined([declared["comment"], "", *_table(columns)])


def _table(columns: list[dict[str, object]]) -> list[str]:
    shown = [at for at, word in enumerate(HEAD) if word in _HEAD]
    return [*table(_HEAD, ([cells(each)[at] for at in shown] for each in columns))]


def _parts() -> dict[str, Callable[[], str]]:
    """Return view -> its columns: each view has its place on the page, and beside it an example."""
    names = [each["name"] for each in as_json()["views"]]
    of_entities = {f"{entity}_{kind}" for entity in BY_NAME for kind in DERIVED} - {f"{SHOWN}_{x}" for x in DERIVED}
    return {name: partial(_columns, name) for name in names if name not in of_entities}


PARTS = _parts()
