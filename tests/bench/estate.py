"""The estates that the bench serves, as files: the jobs' bytes, their ids, and a plan of the tables for the floor."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Boolean

from inventory.mock.estate import make_job
from inventory.schema import ESTATE
from inventory.schema.entities import Entity

__all__ = ["ESTATES", "Size", "prepare"]


@dataclass(frozen=True)
class Size:
    """How many jobs, how many objects in each."""

    jobs: int
    objects: int

    def __str__(self) -> str:
        return f"{self.jobs:,} jobs x {self.objects:,} objects"


ESTATES = {
    "A": Size(2_000, 100),
    "B": Size(20_000, 20),
    "C": Size(20_000, 100),
    "one": Size(1, 930_000),  # one answer of 100 MB
    "tiny": Size(200, 10),  # to try the bench itself
}


def prepare(size: Size, folder: Path) -> int:
    """Write an estate as compact JSON; return its bytes. Jobs are those of `make_estate`, one at a time."""
    places, at = [], 0
    with (folder / "jobs.bin").open("wb") as file:
        for number in range(size.jobs):
            job = make_job(number, size=size.objects)
            text = json.dumps(job, ensure_ascii=False, separators=(",", ":")).encode()
            file.write(text)
            places.append((job["id"], at, at := at + len(text)))
    (folder / "places.json").write_text(json.dumps(places))
    (folder / "ids.txt").write_text("".join(f"{job_id}\n" for job_id, *_ in places))
    (folder / "plan.json").write_text(json.dumps([_table(entity) for entity in ESTATE]))
    return at


def _table(entity: Entity) -> dict[str, Any]:
    """Tell what the floor needs of a table: its columns and where its rows stand in an answer."""
    columns = []
    for column in entity.current.columns:
        path = column.info["field"].api.path if "field" in column.info else None
        kind = "BOOLEAN" if isinstance(column.type, Boolean) else "TEXT"
        if isinstance(column.type, BigInteger):
            kind = "BIGINT"
        columns.append({"name": column.name, "type": kind, "path": path})
    places = [{"path": at.path, "many": at.many, "role": at.role, "pairs": at.pairs} for at in entity.places]
    return {"name": entity.name, "parent": entity.parent, "columns": columns, "places": places}
