"""The floor: the fastest plain way to get the same rows into the same tables, without any feature.

``python floor.py URL IDS PLAN DATABASE``. It imports nothing of ours: aiohttp, orjson, sqlite3 or psycopg. Eight
requests at once, ten ids in each; tables without keys, indexes or history; every value as it came; one transaction.
What our columns have beyond the answer is a constant (a DEFAULT), or a row's place in its list. The function that
makes the rows is written from the plan, as one would write it by hand for these tables.
"""

import asyncio
import gc
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson

AT_ONCE = 8
BATCH = 10
PIECE = 10_000  # objects that are written together
DEFAULTS = {"source_id": 1, "occurrence": 0, "item_occurrence": 0, "valid_from": 1, "extra": "NULL"}
OWN = {"job_id": "job", "item": "number", "role": "role"}

Table = dict[str, Any]
Rows = dict[str, list[tuple[Any, ...]]]


def filled(table: Table) -> list[Table]:
    """Return the columns that a row has a value for; the others have a default."""
    return [column for column in table["columns"] if column["path"] or column["name"] not in DEFAULTS]


def program(tables: list[Table]) -> str:
    """Write `flatten(results, rows)`."""
    lines = ["def flatten(results, rows):"]
    lines += [f"    {table['name']} = rows[{table['name']!r}]" for table in tables]
    lines += ["    for jobs_ in results:", "        job = jobs_['id']", f"        jobs.append({tuple_of(tables[0])})"]
    lines += ["        " + line for line in children(tables, "jobs")]
    return "\n".join(lines)


def children(tables: list[Table], parent: str) -> list[str]:
    """Write what makes the rows below one row, whose JSON object is called `PARENT_`."""
    lines = []
    for table in (table for table in tables if table["parent"] == parent):
        name, deeper = table["name"], children(tables, table["name"])
        for place in table["places"]:
            found = member(f"{parent}_", place["path"])
            row = tuple_of(table).replace(" role,", f" {place['role']!r},")
            if not place["many"]:
                lines += [f"{name}_ = {found}", f"if {name}_:", "    number = ''", f"    {name}.append({row})"]
                continue
            items = f"pairs({found})" if place["pairs"] else f"{found} or ()"
            numbered = " number," in row and parent == "jobs"
            loop = f"for number, {name}_ in enumerate({items})" if numbered else f"for {name}_ in {items}"
            if deeper:
                lines += [f"{loop}:", f"    {name}.append({row})", *("    " + line for line in deeper)]
            else:
                lines.append(f"{name} += [{row} {loop}]")
    return lines


def tuple_of(table: Table) -> str:
    values = (
        OWN[column["name"]] if column["path"] is None else member(f"{table['name']}_", column["path"])
        for column in filled(table)
    )  # fmt: skip
    return f"( {', '.join(values)},)"


def member(of: str, path: str) -> str:
    """Write how a member is reached; `[]` is the object itself."""
    if path == "[]":
        return of
    *outer, last = path.split(".")
    for name in outer:
        of = f"({of}.get({name!r}) or {{}})"
    return f"{of}.get({last!r})"


def pairs(tags: list[Table] | None) -> list[Table]:
    """Give a tag a key and a value, where it came as {key: value}."""
    told = [[tag] if "key" in tag else [{"key": key, "value": tag[key]} for key in tag] for tag in tags or ()]
    return [pair for tag in told for pair in tag]


def create(table: Table) -> str:
    columns = (
        f'"{column["name"]}" {column["type"]}'
        + (f" DEFAULT {DEFAULTS[column['name']]}" if column["path"] is None and column["name"] in DEFAULTS else "")
        for column in table["columns"]
    )
    return f"CREATE TABLE {table['name']} ({', '.join(columns)})"


def names(table: Table) -> str:
    return ", ".join(f'"{column["name"]}"' for column in filled(table))


class Sqlite:
    """One transaction with SQLite's own settings, so the commit is durable."""

    def __init__(self, path: str, tables: list[Table]) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN")
        self._inserts = {}
        for table in tables:
            self._connection.execute(create(table))
            marks = ", ".join("?" * len(filled(table)))
            self._inserts[table["name"]] = f"INSERT INTO {table['name']} ({names(table)}) VALUES ({marks})"

    def write(self, rows: Rows) -> None:
        for name, new in rows.items():
            self._connection.executemany(self._inserts[name], new)

    def close(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.close()


class Postgresql:
    """COPY in one transaction."""

    def __init__(self, url: str, tables: list[Table]) -> None:
        import psycopg

        self._connection = psycopg.connect(url)
        self._cursor = self._connection.cursor()
        self._copies = {}
        for table in tables:
            self._cursor.execute(create(table))
            self._copies[table["name"]] = f"COPY {table['name']} ({names(table)}) FROM STDIN"

    def write(self, rows: Rows) -> None:
        for name, new in rows.items():
            if new:
                with self._cursor.copy(self._copies[name]) as copy:
                    for row in new:
                        copy.write_row(row)

    def close(self) -> None:
        self._connection.commit()
        self._connection.close()


async def load(url: str, ids: list[str], tables: list[Table], database: Sqlite | Postgresql) -> None:
    """Fetch all and write it; what one answer brings is made into rows while the others are under way."""
    known: dict[str, Any] = {"pairs": pairs}
    exec(program(tables), known)
    flatten = known["flatten"]
    rows: Rows = {table["name"]: [] for table in tables}
    batches = iter([ids[at : at + BATCH] for at in range(0, len(ids), BATCH)])

    def write() -> None:
        database.write(rows)
        for new in rows.values():
            new.clear()

    async def work(session: aiohttp.ClientSession) -> None:
        for batch in batches:
            body = orjson.dumps({"jobs": batch, "page_req": {"cur_page": 1, "per_page": BATCH}})
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                response.raise_for_status()
                flatten(orjson.loads(await response.read())["results"], rows)
            if len(rows["object_infos"]) >= PIECE:
                write()

    async with aiohttp.ClientSession(headers={"X-Auth-Token": "bench"}) as session:
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))
    write()
    database.close()


def main(url: str, ids: str, plan: str, address: str) -> None:
    gc.disable()  # rows have no cycles
    tables = json.loads(Path(plan).read_text())
    if address.startswith("sqlite:///"):
        database: Sqlite | Postgresql = Sqlite(address.removeprefix("sqlite:///"), tables)
    else:
        database = Postgresql(address, tables)
    asyncio.run(load(url, Path(ids).read_text().split(), tables, database))


if __name__ == "__main__":
    main(*sys.argv[1:])
