"""The declared schema as look-up tables: the column or child table of each member of a JSON object.

Compiled once from the entities. A `Shape` describes a JSON object whose members fill one row: a `Leaf` is a column, a
nested `Shape` a flattened object, a `Branch` the rows of a child table.
"""

from dataclasses import dataclass, field
from functools import cache

from inventory.schema import BY_NAME, ENTITIES
from inventory.schema.entities import Entity
from inventory.schema.fields import Api, Empty, Place

__all__ = ["Branch", "Layout", "Leaf", "Shape", "join_path", "layout_of", "split_path"]

ELEMENT = "[]"  # the path of a list element that is not an object


@dataclass(slots=True)
class Leaf:
    """A member that is a column. index: in the row. values: the documented ones, in lower case."""

    name: str
    index: int
    api: Api
    is_key: bool
    values: frozenset[str]


@dataclass(slots=True)
class Shape:
    """A JSON object that fills (part of) one row; with `element`, a plain value instead of an object."""

    members: dict[str, "Leaf | Shape | Branch"] = field(default_factory=dict)
    element: Leaf | None = None


@dataclass(slots=True)
class Branch:
    """A member that holds the rows of a child table."""

    layout: "Layout"
    place: Place


@dataclass(slots=True)
class Layout:
    """How one entity is read. index: column -> position in the row.

    key_leaves: the leaves that are key parts. default_leaves: those whose column is '' where the member is missing.
    """

    entity: Entity
    index: dict[str, int]
    shape: Shape
    key_leaves: tuple[Leaf, ...]
    default_leaves: tuple[Leaf, ...]


@cache
def layout_of(name: str) -> Layout:
    """Compile the layout of one entity and of its child tables."""
    entity = BY_NAME[name]
    index = {name: at for at, name in enumerate(entity.names)}
    shape, keys, defaults = Shape(), [], []
    for column in entity.fields:
        origin = column.api
        if origin.path is None:
            continue
        leaf = Leaf(
            column.name, index[column.name], origin, column.key,
            frozenset(value.lower() for value in origin.values),
        )  # fmt: skip
        if leaf.is_key:
            keys.append(leaf)
        if origin.empty is Empty.DEFAULT:
            defaults.append(leaf)
        if origin.path == ELEMENT:
            shape.element = leaf
        else:
            _add(shape, origin.path, leaf)
    for child in ENTITIES:
        if child.parent == name:
            for place in child.places:
                _add(shape, place.path, Branch(layout_of(child.name), place))
    return Layout(entity, index, shape, tuple(keys), tuple(defaults))


def _add(shape: Shape, path: str, part: "Leaf | Branch") -> None:
    *outer, last = path.split(".")
    for name in outer:
        inner = shape.members.setdefault(name, Shape())
        if not isinstance(inner, Shape):
            raise TypeError(f"{path}: {name} is declared as a column and as an object")
        shape = inner
    if last in shape.members:
        raise TypeError(f"{path} is declared twice")
    shape.members[last] = part


def join_path(prefix: str | None, name: str) -> str:
    """Append a member's name to a path (None: the root); dots, brackets and backslashes of the name are escaped."""
    if not name.isidentifier():  # fast path for nearly all names
        for special in "\\.[]":
            name = name.replace(special, "\\" + special)
    return name if prefix is None else f"{prefix}.{name}"


def split_path(path: str) -> tuple[list[str], bool]:
    """Reverse `join_path`: return the names, outermost first, and whether the path ends in ``[]``."""
    names, name, many, at = [], "", False, 0
    while at < len(path):
        char = path[at]
        if char == "\\":
            at += 1
            name += path[at]
        elif char == ".":
            names.append(name)
            name = ""
        elif char == "[":
            many = True
            at += 1
        else:
            name += char
        at += 1
    return [*names, name], many
