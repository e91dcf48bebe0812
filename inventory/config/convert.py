"""Converts located values into the structs of `keys`, and reports all faults, without values."""

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec.inspect as types
from msgspec import UNSET, Struct

from inventory.config.keys import fields
from inventory.config.located import FAULTY, Ambiguous, Faults, Located
from inventory.config.values import DECIMAL, WHOLE, nearest

__all__ = ["Converter"]

_S = TypeVar("_S", bound=Struct)


class Converter:
    """Converts located values; adds faults to `faults`, with line and key, never with the value.

    ignored: a pattern of keys whose values are not read, because the command does not need them.
    """

    def __init__(self, faults: Faults, ignored: re.Pattern[str] | None = None) -> None:
        self.faults = faults
        self._ignored = ignored

    def struct(self, at: Located, kind: type[_S]) -> _S:
        """Return a struct. A faulty key gets its default, or UNSET if it is required."""
        declared = fields(kind)
        given = self.known(at, declared)
        found: dict[str, Any] = {}
        for key, field in declared.items():
            value = self._value(given[key], field.type) if key in given else UNSET
            if value is not UNSET or field.required:
                found[field.name] = value
            if field.required and key not in given and (given or at.value == {}):
                near = any(f"mean {key!r}?" in nearest(name, declared) for name in at.value if name not in declared)
                if not near:  # otherwise the fault of the misspelt key is enough
                    self.faults.add(at, f"the key {key} is needed")
        return kind(**found)

    def known(self, at: Located, names: Iterable[str]) -> dict[str, Located]:
        """Return the members whose keys are known; any other key is a fault that suggests the most similar key."""
        names = tuple(names)
        if not isinstance(at.value, dict):
            self.faults.add(at, f"keys are needed here: {', '.join(names)}")
            return {}
        for name, entry in at.value.items():
            if name not in names:
                self.faults.add(entry.place, f"unknown key{nearest(name, names)}")
        return {name: entry for name, entry in at.value.items() if name in names}

    def _value(self, at: Located, kind: types.Type, more: dict[str, Any] | None = None) -> Any:
        """Return a value of a declared type; UNSET if it is faulty. more: `Meta.extra` of the key."""
        more = more or {}
        if isinstance(kind, types.Metadata):
            return self._value(at, kind.type, {**more, **(kind.extra or {})})
        if at.value is FAULTY:
            return UNSET
        if isinstance(kind, types.UnionType):
            return self._value(at, _member(kind, at.value), more)
        if isinstance(kind, types.StructType):
            found = self.struct(at, kind.cls)
            return found if isinstance(at.value, dict) else UNSET
        if isinstance(kind, types.ListType | types.DictType):
            return self._items(at, kind, more)
        return self._scalar(at, kind, more)

    def _items(self, at: Located, kind: types.ListType | types.DictType, more: dict[str, Any]) -> Any:
        if isinstance(kind, types.DictType) and isinstance(at.value, dict):
            return {key: self._value(entry, kind.value_type) or "" for key, entry in at.value.items()}
        if isinstance(kind, types.ListType) and isinstance(at.value, list) and len(at.value) >= (kind.min_length or 0):
            values = [self._value(entry, kind.item_type) for entry in at.value]
            return UNSET if UNSET in values else values
        self.faults.add(at, more.get("wrong") or f"a list of {more['items']} is needed")
        return UNSET

    def _scalar(self, at: Located, kind: types.Type, more: dict[str, Any]) -> Any:
        if self._ignored and self._ignored.search(at.key):
            return UNSET
        value, wrong = _scalar(at.value, kind, more)
        if wrong:
            self.faults.add(at, wrong)
        return UNSET if wrong else value


def _member(union: types.UnionType, value: Any) -> types.Type:
    """Return the member of a union that fits a value: the struct, the list, else the scalar."""
    kinds = {type(each.type if isinstance(each, types.Metadata) else each): each for each in union.types}
    compound = {kind: kinds.pop(kind) for kind in (types.StructType, types.ListType) if kind in kinds}
    if isinstance(value, dict) and types.StructType in compound:
        return compound[types.StructType]
    if isinstance(value, dict | list | None) and types.ListType in compound:
        return compound[types.ListType]
    return next(iter(kinds.values()))


def _scalar(value: Any, kind: types.Type, more: dict[str, Any]) -> tuple[Any, str | None]:
    """Return the converted scalar, and what is wrong with it or None."""
    if "read" in more:
        read = None if isinstance(value, bool) else more["read"](str(value))
        return read, None if read is not None else more["wrong"]
    match kind:
        case types.StrType():
            return value, _wrong_text(value, kind, more)
        case types.LiteralType():
            wrong = more.get("wrong") or f"one of {', '.join(map(str, kind.values))} is needed"
            return value, None if value in kind.values else wrong
        case types.BoolType():
            value = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
            instead = ", not a word such as yes, no, on or off" if value == Ambiguous("true or false") else ""
            return value, None if isinstance(value, bool) else f"true or false is needed{instead}"
        case types.IntType() | types.FloatType():
            return _number(value, kind)
    return value, str(more["wrong"])


def _wrong_text(value: Any, kind: types.StrType, more: dict[str, Any]) -> str | None:
    if not isinstance(value, str):
        read_as = {bool: "true or false", int: "a number", float: "a number"}.get(type(value))
        read_as = value.what if isinstance(value, Ambiguous) else read_as
        return f"must be text, but YAML reads this as {read_as}: put it in quotes" if read_as else "a text is needed"
    if len(value) < (kind.min_length or 0):
        return "a text is needed"
    if kind.pattern and not re.fullmatch(kind.pattern, value):
        return str(more["wrong"]) if value else "a text is needed"
    why: str | None = more["check"](value) if "check" in more else None
    return why


def _number(value: Any, kind: types.IntType | types.FloatType) -> tuple[Any, str | None]:
    """Return a number within its bounds; also from a decimal text, such as a variable's value."""
    whole = isinstance(kind, types.IntType)
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    least, most = kind.ge or 0, kind.le or 0
    try:
        if (WHOLE if whole else DECIMAL).fullmatch(text) and least <= (number := float(text)) <= most:
            return int(text) if whole else number, None
    except ValueError:  # more digits than Python parses
        pass
    ambiguous = value == Ambiguous("a number") or re.match(r"[-+]?0[0-9a-zA-Z_]|[0-9]+[_:]", text)
    hint = ", as a plain decimal number: YAML reads 010 as 8 and 1:30 as 90" if ambiguous else ""
    return UNSET, f"a {'whole ' if whole else ''}number from {least:g} to {most:g} is needed{hint}"
