"""A member of the answer that is named like a column of ours is a value like any other, in a schema that has one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inventory.schema.entities import entity
from inventory.schema.fields import field, own
from inventory.schema.kinds import TEXT
from tests.conftest import ROOT

OURS = ("role", "item", "item_occurrence")
ELSEWHERE = ("extra", "source_id", "valid_from", "valid_to")  # members whose columns need another name
KEY = '    field("role", TEXT, "A part of the key.", table=None, key=True),\n'

SCRIPT = """
import json, sys
from inventory.normalise.walk import normalise
from inventory.normalise.prepared import from_normalised
from inventory.normalise.rebuild import rebuild
from inventory.normalise.redact import Redactor
from inventory.normalise.fast import FastPath, Normaliser

document, redactor = json.load(sys.stdin), Redactor()
raw = json.dumps(document).encode()
fast = Normaliser(redactor).job(raw, "j", b"", None)
normalised = normalise("j", redactor.job(document))
walked = from_normalised(normalised)
path = FastPath(redactor)
rows = lambda job: {name: sorted(of, key=repr) for name, of in job.rows.items() if of}
print(json.dumps({
    "covered": path.rows(path.read(raw), raw, "j") is not None,
    "same": (fast.chunks, rows(fast)) == (walked.chunks, rows(walked)),
    "findings": len(fast.findings),
    "rebuilt": rebuild(normalised.rows),
    "rows": rows(fast),
}))
"""


def declared(name: str) -> str:
    path = f', path="{name}"' if name in ELSEWHERE else ""
    column = f"{name}_stated" if path else name
    return f'    field("{column}", TEXT, "A member named like a column of ours.", table=None{path}),\n'


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Copy the package, with fields that are named like columns of ours."""
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory", ignore=shutil.ignore_patterns("__pycache__"))
    schema = tmp_path / "inventory" / "schema"
    jobs = (schema / "jobs.py").read_text()
    at = jobs.index("    field(", jobs.index("    field(", jobs.index("JOBS = entity(")) + 1)  # behind the id
    more = "".join(map(declared, (*OURS, "job_id", "occurrence", *ELSEWHERE)))
    (schema / "jobs.py").write_text(jobs[:at] + more + jobs[at:])
    objects = (schema / "objects.py").read_text()
    for member, fields in (("object_infos", "".join(map(declared, (*OURS, *ELSEWHERE)))), ("public_ip_list", KEY)):
        behind = f'    places=[Place("{member}")],'
        assert behind in objects
        objects = objects.replace(behind, fields + behind)
    (schema / "objects.py").write_text(objects)
    return tmp_path


def run(folder: Path, document: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(document), capture_output=True, text=True, check=False,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_member_named_like_a_column_of_ours_is_stored(scratch: Path) -> None:
    stated = {name: f"the {name}" for name in (*OURS, *ELSEWHERE)}
    document = {
        "id": "j", "name": "n", "status": "CREATING", **stated, "job_id": "the job_id", "occurrence": "the occurrence",
        "object_infos": [{"id": "a", "type": "table", **stated}, {"id": "b", "type": "table"}],
        "public_ip_list": [{"id": "x", "role": 'a "quoted" one'}, {"id": "x", "role": "another"}],
        "source_endpoint": {"ip": "10.0.0.1"},
        "alarm_notify": {"subscriptions": [{"protocol": "email", "endpoints": ["a@example.com"]}]},
    }  # fmt: skip
    found = run(scratch, document)
    assert found["covered"]
    assert found["same"]
    assert not found["findings"]
    assert found["rebuilt"]["object_infos"] == document["object_infos"]
    assert {name: found["rebuilt"][name] for name in document} == document
    (job,) = found["rows"]["jobs"]
    assert {*stated.values(), "the job_id", "the occurrence"} <= set(job)
    assert set(stated.values()) <= set(found["rows"]["object_infos"][0])
    assert [row[2] for row in found["rows"]["public_ips"]] == ['a "quoted" one', "another"]


@pytest.mark.parametrize("name", ["job_id", "occurrence", "extra", "source_id", "valid_from", "valid_to", "role"])
def test_a_name_that_is_taken_is_refused_where_it_is_declared(name: str) -> None:
    role = own("role", TEXT, "Ours.", key=True)
    with pytest.raises(TypeError, match=f"things: {name} is a column already"):
        entity("things", "Things.", role, field(name, TEXT, "Theirs.", table=None))
