"""Lists of job ids: one that is empty or holds what is no id fails, before a job leaves because of it."""

import io
from pathlib import Path
from typing import Any

import pytest

from inventory.common.errors import ConfigError
from inventory.config.load import load
from inventory.config.settings import Source
from inventory.mock import DrsServer
from tests.conftest import ran
from tests.live import DATABASE, Estate, Export, last
from tests.test_config_schema import schema_faults

ID = "054ba152-aaaa-bbbb-cccc-0123456jb101"
OTHER = "cc44f780-aaaa-bbbb-cccc-0123456jb20r"
SOURCE = 'sources:\n  - {name: a, region: cn-north-4, project_id: p, auth: {token: "${T:-t}"},\n     jobs: %s%s}\n'


def source(folder: Path, jobs: str, more: str = "", lines: str | None = None) -> Source:
    """Read a configuration whose only source has these jobs; `lines` are standard input."""
    (folder / "c.yaml").write_text(SOURCE % (jobs, more))
    given = None if lines is None else (lambda: io.StringIO(lines))
    (found,) = load(str(folder / "c.yaml"), for_export=True, standard_input=given).sources
    assert schema_faults((folder / "c.yaml").read_text()) == []
    return found


def faults(folder: Path, *given: Any, **more: Any) -> list[str]:
    """Return what is wrong with it, without the place in the configuration, which is the key of the jobs."""
    with pytest.raises(ConfigError) as error:
        source(folder, *given, **more)
    place = f"{folder}/c.yaml:3: sources[0].jobs: "
    assert all(fault.startswith(place) for fault in error.value.faults), error.value.faults
    return [fault.removeprefix(place) for fault in error.value.faults]


EMPTY = {
    "nothing": "",
    "lines": "\n\r\n  \n\t\n",
    "comments": "# none today\n   # none\n",
    "a byte order mark": "\ufeff",
    "a byte order mark and a comment": "\ufeff# none\n",
}


@pytest.mark.parametrize("case", EMPTY)
@pytest.mark.parametrize("origin", ["ids.txt", "standard input"])
def test_an_empty_list_is_refused_unless_it_may_be(tmp_path: Path, origin: str, case: str) -> None:
    (tmp_path / "ids.txt").write_text(EMPTY[case], encoding="utf-8")
    file = "ids.txt" if origin == "ids.txt" else '"-"'
    (said,) = faults(tmp_path, f"{{file: {file}}}", lines=EMPTY[case])
    assert said.startswith(f"{origin} has no job id, so every known job would leave")
    assert "allow_empty: true" in said
    (said,) = faults(tmp_path, f"{{file: {file}, allow_empty: false}}", lines=EMPTY[case])
    assert source(tmp_path, f"{{file: {file}, allow_empty: true}}", lines=EMPTY[case]).jobs == ()


def test_a_list_without_an_id_to_ask_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(f"{ID}\n")
    assert "the list has no job id, so" in faults(tmp_path, "[]")[0]
    assert "the list has no job id but those under except" in faults(tmp_path, f"[{ID}]", f", except: [{ID}]")[0]
    assert "ids.txt has no job id but those under except" in faults(tmp_path, "{file: ids.txt}", f", except: [{ID}]")[0]
    assert source(tmp_path, "{file: ids.txt, allow_empty: true}", f", except: [{ID}]").jobs == ()
    assert source(tmp_path, f"[{ID}, {OTHER}]", f", except: [{ID}]").jobs == (OTHER,)
    assert source(tmp_path, "all", f", except: [{ID}]").jobs is None
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n], jobs: []}]")  # nobody asks for them
    assert load(str(tmp_path / "c.yaml"), for_export=True).sources[0].jobs == ()


def test_a_list_is_not_read_by_who_does_not_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SOURCE % ("{file: ids.txt}", ""))
    assert load(str(tmp_path / "c.yaml"), for_export=False).sources[0].jobs == ()
    assert source(tmp_path, '{file: "-"}').jobs == ()  # `validate` has no standard input to read


WRONG = {
    f'"{ID}"': "quotes around it",
    f"'{ID}'": "quotes around it",
    f"\u201c{ID}\u201d": "quotes around it",
    f"\u2018{ID}\u2019": "quotes around it",
    f"\u300c{ID}\u300d": "quotes around it",
    f"`{ID}`": "quotes around it",
    f"{ID},": "one id a line",
    f"{ID},{OTHER}": "one id a line",
    f"{ID};prod": "one id a line",
    f"{ID} {OTHER}": "a space inside",
    f"{ID}\u00a0x": "a space inside",
    f"{ID}\tname": "a space inside",
    f'["{ID}"]': "not JSON",
    f'{{"id": "{ID}"}}': "not JSON",
    "[": "not JSON",
    f"<td>{ID}</td>": "not JSON",
    "id": "a heading",
    "JOB_ID": "a heading",
    "Job ID": "a heading",
    "null": "a heading",
    "None": "a heading",
    "all": "a heading",
    "---": "no letter and no digit",
    f"{ID}#prod": "a space before its #",
    f"{ID}\x1b[0m": "a bracket",
    f"{ID}\x00": "cannot be seen",
    f"{ID}\u200b": "cannot be seen",
    "x" * 121: "more than 120 characters",
}


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_what_is_no_id_is_refused_with_its_line(tmp_path: Path, wrong: str) -> None:
    lines = f"# ids of the night\r\n{OTHER}\r\n\r\n{wrong}\r\n"
    (tmp_path / "ids.txt").write_text(lines, encoding="utf-8", newline="")
    (said,) = faults(tmp_path, "{file: ids.txt}")
    assert said.startswith("ids.txt:4: not a job id: ")
    assert WRONG[wrong] in said
    assert ID not in said
    (said,) = faults(tmp_path, '{file: "-"}', lines=lines)
    assert said.startswith("standard input:4: not a job id: ")


@pytest.mark.parametrize("key", ["jobs", "except"])
def test_what_is_no_id_is_refused_in_the_configuration_too(tmp_path: Path, key: str) -> None:
    (tmp_path / "c.yaml").write_text(
        SOURCE
        % ("all" if key == "except" else f"[\n{ID},\n'\"{ID}\"', 0123]", f", except: [\n{ID},\n'\"{ID}\"', 0123]")
    )
    with pytest.raises(ConfigError) as error:
        load(str(tmp_path / "c.yaml"), for_export=True)
    told = [fault for fault in error.value.faults if f"sources[0].{key}" in fault]
    assert [fault.split(": ")[1:3] for fault in told] == [
        [f"sources[0].{key}[1]", "not a job id"],
        [f"sources[0].{key}[2]", "must be text, but YAML reads this as a number"],
    ]
    assert ("quotes around it" in told[0], "put it in quotes" in told[1]) == (True, True)
    assert "has no job id" not in "".join(error.value.faults)  # what was wrong is told already


def test_a_file_of_another_kind_is_told_in_a_few_lines(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("[\n" + f'  "{ID}",\n' * 500 + "]\n")
    told = faults(tmp_path, "{file: ids.txt}")
    assert [fault.split(":")[1] for fault in told[:3]] == ["1", "2", "3"]
    assert told[3:] == ["ids.txt: 499 more lines are not job ids"]
    (tmp_path / "ids.txt").write_bytes(f"\ufeff{ID}\r\n".encode("utf-16-le"))
    assert faults(tmp_path, "{file: ids.txt}") == ["ids.txt cannot be read: it is not text in UTF-8"]
    assert "longer than 16 MiB" in faults(tmp_path, "{file: /dev/zero}")[0]


@pytest.mark.parametrize("job_id", [ID, OTHER, "x", "j", "job-1", "a.b", "任务-1", "a:b/c"])
def test_what_can_be_an_id_is_one(tmp_path: Path, job_id: str) -> None:
    (tmp_path / "ids.txt").write_text(f"\ufeff{job_id}  # of prod\n{ID}", encoding="utf-8")
    assert source(tmp_path, "{file: ids.txt}").jobs == tuple(sorted({job_id, ID}))
    assert source(tmp_path, f'["{job_id}"]').jobs == (job_id,)


def test_an_empty_list_leaves_the_estate_as_it_is(
    server: DrsServer, export: Export, estate: Estate, tmp_path: Path
) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("\n".join(sorted(server.jobs)))
    export(jobs={"file": "ids.txt"})
    server.requests.clear()
    file.write_text("")
    done = export("--require-complete", "--max-removals", "0%", code=64, jobs={"file": "ids.txt"})
    assert "ids.txt has no job id" in done.stderr
    done = export(code=1, jobs={"file": "ids.txt", "allow_empty": True})
    assert "25 of 25 jobs are no longer in the configuration" in done.stderr
    assert "--max-deselections 100%" in done.stderr
    assert (len(estate()), server.requests) == (25, [])
    export("--max-deselections", "100%", jobs={"file": "ids.txt", "allow_empty": True})
    assert (estate(), last()["deselected"], last()["removed"]) == ({}, 25, 0)
    listed = ran("--database", DATABASE, "snapshots").splitlines()
    assert listed[0].split()[-3:] == ["deselected", "unreadable", "digest"]
    assert [line.split()[-3] for line in listed[-2:]] == ["0", "25"]
