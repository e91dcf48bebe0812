"""A peer: dlt, as its documentation says, to DuckDB, SQLite or PostgreSQL.

``python peer_dlt.py URL IDS DATABASE``. A resource of batches, a parallel transformer that fetches with dlt's own
client in eight threads, and dlt's normalisation: nested lists become tables. No telemetry, as it would ask the network.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ |= {
    "DLT_DATA_DIR": str(Path.cwd()),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "8",
    "EXTRACT__MAX_PARALLEL_ITEMS": "16",
}

import dlt
from dlt.sources.helpers import requests

BATCH = 10
KINDS = {
    "duckdb": dlt.destinations.duckdb,
    "sqlite": dlt.destinations.sqlalchemy,
    "postgresql": dlt.destinations.postgres,
}


def main(url: str, ids: str, database: str) -> None:
    wanted = Path(ids).read_text().split()
    session = requests.Client().session

    @dlt.resource
    def batches() -> Iterator[list[str]]:
        yield from (wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH))

    @dlt.transformer(name="jobs", data_from=batches, parallelized=True, write_disposition="append")
    def jobs(batch: list[str]) -> Any:
        body = {"jobs": batch, "page_req": {"cur_page": 1, "per_page": BATCH}}
        return session.post(url, json=body, headers={"X-Auth-Token": "bench"}).json()["results"]

    kind = database.partition(":")[0]
    where = database.removeprefix("duckdb:///").replace(
        "@/", "@localhost/"
    )  # it insists on a host, the socket overrides
    dataset = "main" if kind == "sqlite" else "drs"
    pipeline = dlt.pipeline("bench", destination=KINDS[kind](credentials=where), dataset_name=dataset)
    form = "parquet" if kind == "duckdb" else None  # the default, INSERT, takes it seven times as long and 4 GB
    pipeline.run(jobs, loader_file_format=form).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
