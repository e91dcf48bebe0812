"""Generates the source code of the fast path: functions that convert decoded structs into rows.

One function for each table, with straight-line code for each column: it does what `normalise`, `redact` and `digest`
do, without looking up each member in the schema. It covers only answers that are exactly as documented; for any other
it raises `NotCovered`, and the walk is used. A property test compares the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from keyword import iskeyword
from operator import itemgetter
from typing import Any

import msgspec

from inventory.common.exact_json import Json
from inventory.schema.fields import Api, Empty
from inventory.schema.layout import Branch, Layout, Leaf, Shape, join_path, layout_of

__all__ = ["Code", "Undeclared", "generate", "undeclared"]

Undeclared = frozenset[tuple[int, str]]  # members that the schema does not have: id() of the shape, name
_LONGEST_NAME = 100
# The rest is text.
_DECODED_AS: dict[str, Any] = {"integer": int | None, "boolean": bool | None, "boolean_number": int | None}
_WIRE = {"integer": "integer", "boolean": "boolean", "boolean_number": "integer"}  # as JSON; the rest is text


@dataclass
class Code:
    """Generated code. source: defines a function ``rows_TABLE`` for each table. names: the globals that it uses.

    job: the struct that one result of batch-detail is decoded into. tables: its members that become rows of other
    tables, with keys that no other member's rows have.
    """

    source: str
    names: dict[str, Any]
    job: type[msgspec.Struct]
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A member that the schema does not have: it goes to `extra`. number: unique in its object."""

    number: int


def undeclared(shape: Shape, members: dict[str, Json]) -> Iterator[tuple[int, str]]:
    """Yield the members of an object, at every depth, that are not declared and that code can be generated for."""
    for name, value in members.items():
        part = shape.members.get(name)
        if part is None:
            if name.isascii() and name.isidentifier() and "__" not in name and len(name) <= _LONGEST_NAME:
                yield id(shape), name
        elif isinstance(part, Shape) and isinstance(value, dict):
            yield from undeclared(part, value)
        elif isinstance(part, Branch) and not part.place.pairs:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from undeclared(part.layout.shape, item)


def generate(masked: frozenset[str], known: Undeclared = frozenset()) -> Code:
    """Generate the fast path.

    Args:
        masked: further ``table.column`` names to treat like secrets.
        known: undeclared members that it covers too.
    """
    writer = _Writer(masked, known)
    layout = layout_of("jobs")
    writer.entity(layout)
    tables = frozenset(
        name for name, part in layout.shape.members.items() if isinstance(part, Branch) and _has_own_keys(part)
    )
    return Code("\n".join(writer.lines), writer.names, writer.structs["jobs"], tables)


@dataclass
class _Writer:
    masked: frozenset[str]
    known: Undeclared
    lines: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    structs: dict[str, type[msgspec.Struct]] = field(default_factory=dict)
    masks: set[str] = field(default_factory=set)  # tables with secrets

    def entity(self, layout: Layout) -> None:
        """Write the functions of a table and, before them, those of its child tables."""
        name = layout.entity.name
        if name in self.structs:
            return
        self.structs[name] = self._struct(name, layout.shape)
        self.names[f"T_{name}"] = self.structs[name]
        if "item" in layout.entity.own or layout.shape.element is not None:
            self._item_text(layout)
        if _has_branches(layout.shape):
            self.lines.append(f"def rows_below_{name}(o, at, job, qj, item, out):")
            self._branches(layout.shape, "o", "  ")
        self._rows(layout)
        lines = list(self._mask_lines(layout, layout.shape, "o", "  "))
        if lines or name == "jobs":
            self.lines += [f"def mask_{name}(o):", *lines, "  return o"]
            self.masks.add(name)

    def _struct(self, name: str, shape: Shape) -> type[msgspec.Struct]:
        parts = self._parts(shape)
        names = {wire: _attribute(wire, part) for wire, part in parts.items()}
        members = [(names[wire], self._type(f"{name}_{wire}", part), None) for wire, part in parts.items()]
        wires = {attribute: wire for wire, attribute in names.items()}
        return msgspec.defstruct(name, members, rename=wires, forbid_unknown_fields=True, omit_defaults=True, gc=False)

    def _type(self, name: str, part: Leaf | Shape | Branch | Unknown) -> Any:
        if isinstance(part, Unknown):
            return msgspec.Raw
        if isinstance(part, Leaf):
            return int | str | None if part.api.kind.either else _DECODED_AS.get(part.api.kind.name, str | None)
        if isinstance(part, Shape):
            return self._struct(name, part) | None
        self.entity(part.layout)
        if part.layout.shape.element is not None:
            return list[str] | None
        if part.place.pairs:
            return list[dict[str, str | None]] | None
        inner = self.structs[part.layout.entity.name]
        return list[inner] | None if part.place.many else inner | None  # type: ignore[valid-type]

    def _parts(self, shape: Shape) -> dict[str, Leaf | Shape | Branch | Unknown]:
        """Return the members of an object, including the undeclared ones."""
        new = [name for at, name in sorted(self.known) if at == id(shape)]
        return {**shape.members, **{name: Unknown(number) for number, name in enumerate(new)}}

    # -- one table: its rows

    def _rows(self, layout: Layout) -> None:
        entity, write = layout.entity, self.lines.append
        write(f"def rows_{entity.name}(items, at, job, qj, item, role, single, out):")
        write(f"  rows, fingerprints = out.of({entity.name!r}), out.fingerprints")
        write("  for o in items:")
        if self._has_extra(layout.shape):
            write("    x = None")
        wires = list(self._leaves(layout, layout.shape, "o", "    "))
        if any(not place.many for place in entity.places):
            write(f"    if single and {' and '.join(f'{wire} in NOTHING' for wire in wires)}: continue")
        if entity.has_item:
            members = "".join(f"{_member(layout.shape, path.split('.'), 'o')}, " for path in entity.identity)
            write(f"    item = '' if single else identity(({members})) or digest16(text_{entity.name}(o))")
        if "item" in entity.own:
            write("    qi = q(item)")
        if self._has_extra(layout.shape):
            write("    e = canonical(x) if x else None")
        self._digest(layout)
        write(f"    rows.append(({', '.join(self._cell(layout, name) for name in entity.names)},))")
        if _has_branches(layout.shape):
            write(f"    rows_below_{entity.name}(o, at, job, qj, item, out)")

    def _leaves(self, layout: Layout, shape: Shape, at: str, indent: str, path: str | None = None) -> Iterator[str]:
        """Read the columns of an object into locals: ``w`` original, ``v`` as it is stored. Yield the names of w."""
        write = self.lines.append
        if shape.element is not None:
            yield from self._leaf(layout, shape.element, at, indent, "")
        for wire, part in self._parts(shape).items():
            inner = join_path(path, wire)
            if isinstance(part, Unknown):
                new = f"n_{at}_{part.number}".replace(".", "_")
                write(f"{indent}{new} = {at}.{_attribute(wire, part)}")
                kept = f"{{**(x or {{}}), {inner!r}: out.unknown_field(at, {inner!r}, {new})}}"
                write(f"{indent}if {new} is not None: x = {kept}")
                yield new
            elif isinstance(part, Leaf):
                yield from self._leaf(layout, part, f"{at}.{_attribute(wire)}", indent, inner)
            elif isinstance(part, Shape):
                deeper = f"{at.replace('.', '_')}_{_attribute(wire)}"
                write(f"{indent}{deeper} = {at}.{_attribute(wire)}")
                write(f"{indent}if {deeper} is not None:")
                write(f"{indent}  pass")
                wires = list(self._leaves(layout, part, deeper, indent + "  ", inner))
                if wires:
                    both = [name for wire in wires for name in ((wire, f"v{wire[1:]}") if wire[0] == "w" else (wire,))]
                    write(f"{indent}else: {' = '.join(both)} = None")
                yield from wires

    def _leaf(self, layout: Layout, leaf: Leaf, source: str, indent: str, path: str) -> Iterator[str]:
        write, w, v, kind = self.lines.append, f"w{leaf.index}", f"v{leaf.index}", leaf.api.kind
        is_kept = leaf.api.empty is not Empty.UNSET
        write(f"{indent}{w} = {v} = {source if is_kept else _value_of(leaf, source)}")
        if leaf.api.empty is Empty.DEFAULT:
            write(f"{indent}if {w} is None: {v} = ''; x = {{**(x or {{}}), {path!r}: None}}")
        if leaf.is_key:
            write(f"{indent}if {w} is None or not {w}.isprintable(): raise NotCovered")
        if leaf.api.limit is not None:
            write(f"{indent}if {w} is not None and len({w}) > {leaf.api.limit // 4}: raise NotCovered")
        if kind.name == "integer":
            if kind.either:
                write(f"{indent}if type({w}) is str: {v} = whole({w}); x = {{**(x or {{}}), {path!r}: {w}}}")
            write(f"{indent}if {v} is not None and not -M <= {v} < M: raise NotCovered")
        elif kind.flags is not None:
            self._flag(layout, leaf, indent, path)
        elif kind.name == "integer_text":
            write(f"{indent}if {w} is not None: {v} = whole({w})")
        elif kind.sql == "time":
            self.names[f"read_{kind.name}"] = kind.read
            write(f"{indent}if {w} is not None: {v} = moment({w}, read_{kind.name})")
        if leaf.values and kind.flags is None:
            known = f"KNOWN_{layout.entity.name}_{leaf.index}"
            self.names[known] = _known(leaf.api, leaf.values)
            write(f"{indent}if {v} is not None and {v} not in {known}: out.unknown(at, {path!r}, {v}, {known})")
        yield w

    def _flag(self, layout: Layout, leaf: Leaf, indent: str, path: str) -> None:
        """Convert a boolean that is sent as something else; a documented value that is neither goes to `extra`."""
        write, w, v = self.lines.append, f"w{leaf.index}", f"v{leaf.index}"
        states, name = leaf.api.kind.flags or (), f"FLAG_{layout.entity.name}_{leaf.index}"
        self.names[name] = dict.fromkeys(_other_values(leaf)) | dict(zip(states, (False, True), strict=True))
        write(f"{indent}if {w} is not None:")
        write(f"{indent}  if {w} not in {name}: raise NotCovered")
        write(f"{indent}  {v} = {name}[{w}]")
        if _other_values(leaf):
            write(f"{indent}  if {v} is None: x = {{**(x or {{}}), {path!r}: {w}}}")

    def _cell(self, layout: Layout, name: str) -> str:
        """Return the expression of a column's value: by name for the product's columns, by index for a member."""
        if name == layout.entity.job_column:
            return "job"
        if name not in layout.entity.own:
            return f"v{layout.index[name]}"
        if name == "extra":
            return "e" if self._has_extra(layout.shape) else "None"
        return {"role": "role", "item": "item", "occurrence": "0", "item_occurrence": "0"}[name]

    def _digest(self, layout: Layout) -> None:
        """Write the canonical text of the row (`digest.row_text`), and its fingerprint."""
        write, entity = self.lines.append, layout.entity
        write("    c = ''")
        for name in sorted(set(entity.names) - set(entity.key) - {"extra"}):
            cell = self._cell(layout, name)
            member = _fstring(f'"{name}":', _json_of(entity.fields[layout.index[name]].api.kind.sql, cell), ",")
            write(f"    c += {member}" if cell == "0" else f"    if {cell} is not None: c += {member}")
        quoted = {name: self._quoted(layout, name) for name in entity.key}
        for leaf in layout.key_leaves:
            if entity.name != "jobs":
                write(f"    k{leaf.index} = q(v{leaf.index})")
        pairs = [piece for name in sorted(quoted) for piece in (f',"{name}":', *quoted[name])]
        pairs[0] = pairs[0].removeprefix(",")
        parts = [piece for name in entity.key for piece in (*quoted[name], ", ")][:-1]
        lead, tail = ('{"columns":{', "$c[:-1]", "}"), (',"key":{', *pairs, f'}},"table":"{entity.name}"}}')
        write("    t = " + _fstring(*lead, *tail))
        if self._has_extra(layout.shape):
            write("    if e: t = " + _fstring(*lead, ',"extra":', "$e", *tail))
        fingerprint = _fstring(f"{entity.name}\t[", *parts, "]")
        write(f"    fingerprints[{fingerprint}] = sha256(t.encode()).digest()")

    def _quoted(self, layout: Layout, name: str) -> tuple[str, ...]:
        """Return, for `_fstring`, the expression of a key part in JSON."""
        cell = self._cell(layout, name)
        if cell == "role":
            return '"', "$role", '"'
        return {"job": ("$qj",), "item": ("$qi",), "0": ("0",)}.get(cell, (f"$k{layout.index[name]}",))

    def _branches(self, shape: Shape, at: str, indent: str, path: str | None = None) -> None:
        """Write the calls of the child tables' functions."""
        write = self.lines.append
        for wire, part in shape.members.items():
            inner, value = join_path(path, wire), f"{at}.{_attribute(wire)}"
            if isinstance(part, Shape) and _has_branches(part):
                write(f"{indent}if {value} is not None:")
                self._branches(part, value, indent + "  ", inner)
            elif isinstance(part, Branch):
                name, many = part.layout.entity.name, part.place.many
                items = f"[{value}]" if not many else f"pairs({value}, T_{name})" if part.place.pairs else value
                where = f"join(at, {inner + ('[]' if many else '')!r})"
                item = "item" if part.layout.entity.inherits_item else "''"
                call = f"rows_{name}({items}, {where}, job, qj, {item}, {part.place.role!r}, {not many}, out)"
                write(f"{indent}if {value}: {call}" if many else f"{indent}if {value} is not None: {call}")

    def _has_extra(self, shape: Shape) -> bool:
        """Return whether a row may need the column `extra`."""
        return any(
            _needs_extra(part) if isinstance(part, Leaf) else isinstance(part, Shape) and self._has_extra(part)
            for part in shape.members.values()
        ) or any(at == id(shape) for at, _ in self.known)

    # -- secrets, masked in place before anything else is done

    def _mask_lines(self, layout: Layout, shape: Shape, at: str, indent: str) -> Iterator[str]:
        if shape.element is not None:
            yield from self._mask_leaf(layout, shape.element, at, indent)
        for wire, part in self._parts(shape).items():
            value = f"{at}.{_attribute(wire, part)}"
            if isinstance(part, Unknown):
                yield f"{indent}if {value} is not None: {value} = loose({wire!r}, {value})"
            elif isinstance(part, Leaf):
                yield from self._mask_leaf(layout, part, value, indent)
            elif isinstance(part, Shape):
                inner = list(self._mask_lines(layout, part, value, indent + "  "))
                yield from [f"{indent}if {value} is not None:", *inner] if inner else []
            elif part.layout.entity.name in self.masks:
                mask = "mask_pair" if part.place.pairs else f"mask_{part.layout.entity.name}"
                if part.place.many:
                    yield f"{indent}if {value}: {value} = [{mask}(i) for i in {value}]"
                else:
                    yield f"{indent}if {value} is not None: {mask}({value})"

    def _mask_leaf(self, layout: Layout, leaf: Leaf, value: str, indent: str) -> Iterator[str]:
        if leaf.api.secret or f"{layout.entity.name}.{leaf.name}" in self.masked:
            then = f"{value} = mask({value})" if leaf.api.kind.name == "text" else "raise NotCovered"
            yield f"{indent}if {value} is not None and {value} != '': {then}"
        elif leaf.api.free_text:
            yield f"{indent}if {value}: {value} = mask_text({value})"

    # -- one item of a list without a key: its canonical text, which becomes its key

    def _item_text(self, layout: Layout) -> None:
        write = self.lines.append
        write(f"def text_{layout.entity.name}(o):")
        if layout.shape.element is not None:
            write("  return q(o)")
            return
        self._object_text(layout.shape, "o", "  ", "c")
        write("  return '{' + c[:-1] + '}'")

    def _object_text(self, shape: Shape, at: str, indent: str, into: str) -> None:
        write = self.lines.append
        write(f"{indent}{into} = ''")
        for wire, part in sorted(self._parts(shape).items(), key=itemgetter(0)):
            value = f"{at}.{_attribute(wire, part)}"
            if isinstance(part, Unknown):
                write(
                    f"{indent}if {value} is not None: {into} += "
                    + _fstring(f'"{wire}":', f"$bytes({value}).decode()", ",")
                )
            elif isinstance(part, Leaf):
                write(f"{indent}w = {_value_of(part, value)}")
                kind = part.api.kind
                spelt = "$q(w) if type(w) is str else w" if kind.either else _json_of(_WIRE.get(kind.name, ""), "w")
                write(f"{indent}if w is not None: {into} += " + _fstring(f'"{wire}":', spelt, ","))
            elif isinstance(part, Shape):
                write(f"{indent}if {value} is not None:")
                self._object_text(part, value, indent + "  ", into + "c")
                write(f"{indent}  if {into}c: {into} += " + _fstring(f'"{wire}":{{', f"${into}c[:-1]", "},"))
            else:
                write(f"{indent}if {value}:")
                texts = f"$comma(sorted(text_{part.layout.entity.name}(i) for i in {value}))"
                write(f"{indent}  {into} += " + _fstring(f'"{wire}":[', texts, "],"))


def _needs_extra(leaf: Leaf) -> bool:
    """Return whether a documented value of the member needs the column `extra`."""
    return leaf.api.kind.either or leaf.api.empty is Empty.DEFAULT or bool(_other_values(leaf))


def _other_values(leaf: Leaf) -> tuple[str, ...]:
    """Return the documented values of a boolean that are neither of its two states."""
    states = leaf.api.kind.flags
    return () if states is None else tuple(value for value in leaf.api.values if value not in map(str, states))


def _value_of(leaf: Leaf, source: str) -> str:
    """Return the expression of a member's value; it gives None for an empty value."""
    if leaf.api.kind.either:
        return f"unless_empty({source})"
    return source if leaf.api.kind.name in _DECODED_AS else f"{source} or None"


def _member(shape: Shape, path: list[str], at: str) -> str:
    """Return the expression of a member at a path; a name that ends in ``[]`` is that of a list."""
    wire, *inner = path
    value = f"{at}.{_attribute(wire.removesuffix('[]'))}"
    part = shape.members[wire.removesuffix("[]")]
    if isinstance(part, Branch):
        return f"[{_member(part.layout.shape, inner, 'i')} for i in {value} or ()]"
    return f"({value} and {_member(part, inner, value)})" if isinstance(part, Shape) else value


def _attribute(wire: str, part: object = None) -> str:
    if isinstance(part, Unknown):
        return f"{wire}__new"
    return f"{wire}_" if iskeyword(wire) else wire


def _fstring(*pieces: str) -> str:
    """Return an f-string that joins texts; a piece that begins with $ is an expression in it."""
    texts = (repr(piece)[1:-1].replace("{", "{{").replace("}", "}}") for piece in pieces)
    inner = (f"{{{piece[1:]}}}" if piece.startswith("$") else text for piece, text in zip(pieces, texts, strict=True))
    return f"f'{''.join(inner)}'"


def _json_of(sql: str, name: str) -> str:
    """Return, for `_fstring`, the expression of a value in JSON."""
    if sql == "integer":
        return f"${name}"
    if sql == "boolean":
        return f"$TRUE if {name} else FALSE"
    return f"$q({name})"


def _known(api: Api, values: frozenset[str]) -> frozenset[Any]:
    """Return the documented values, as documented and in lower case."""
    exact = values | set(api.values)
    if api.empty is not Empty.UNSET:
        exact = exact | {""}
    return frozenset(int(value) for value in exact) if api.kind.sql == "integer" else frozenset(exact)


def _has_own_keys(branch: Branch) -> bool:
    """Return whether no other member's rows can have the same key."""
    return len(branch.layout.entity.places) == 1 or branch.place.role is not None


def _has_branches(shape: Shape) -> bool:
    return any(isinstance(p, Branch) or (isinstance(p, Shape) and _has_branches(p)) for p in shape.members.values())
