"""A peer: the vendor's own client in eight threads, and sqlite-utils for the tables.

``python peer_vendor.py URL IDS DATABASE``. Lists of objects become tables of their own with the job's id;
nested objects become columns of JSON, as sqlite-utils does.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlite_utils
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdrs.v3 import (
    BatchListJobDetailsRequest,
    BatchQueryJobReqPage,
    DrsClient,
    PageReq,
)

BATCH = 10


def main(url: str, ids: str, database: str) -> None:
    endpoint, _, rest = url.partition("/v3/")
    keys = BasicCredentials("access", "secret", rest.partition("/")[0])
    client = DrsClient.new_builder().with_credentials(keys).with_endpoint(endpoint).build()
    wanted = Path(ids).read_text().split()

    def fetch(batch: list[str]) -> list[dict[str, Any]]:
        body = BatchQueryJobReqPage(jobs=batch, page_req=PageReq(cur_page=1, per_page=BATCH))
        answer = client.batch_list_job_details(BatchListJobDetailsRequest(body=body))
        return [job.to_dict() for job in answer.results]

    tables = sqlite_utils.Database(database.removeprefix("sqlite:///"))
    with ThreadPoolExecutor(8) as pool:
        batches = pool.map(fetch, [wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)])
        with tables.atomic():
            for jobs in batches:
                write(tables, jobs)


def write(tables: Any, jobs: list[dict[str, Any]]) -> None:
    """Write the jobs of one answer and all that hangs on them."""
    for name in ("object_infos", "tags", "speed_limit", "public_ip_list", "children", "source_sharding"):
        tables[name].insert_all(below(jobs, name), alter=True)
    tables["jobs"].insert_all(jobs, alter=True)


def below(jobs: list[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    for job in jobs:
        for item in job.pop(name, None) or ():
            yield {"job_id": job["id"], **item}


if __name__ == "__main__":
    main(*sys.argv[1:])
