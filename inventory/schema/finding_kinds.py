"""The kinds of findings, declared once: what each means, and what to do about it."""

from dataclasses import dataclass

__all__ = ["FINDING_KINDS", "UNKNOWN_KIND", "FindingKind"]


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding, for people.

    shared: jobs share it, and a snapshot has one finding for each path, with one job as an example.
    """

    meaning: str
    remedy: str
    shared: bool = False


_DRIFT = "Nothing at once, for nothing is lost."
_REPORT = "Report it to the maintainers of inventory, so that a later version has it."

FINDING_KINDS: dict[str, FindingKind] = {
    # What the service's answers hold, by path.
    "unknown_field": FindingKind(
        "The answer has a member that no column holds. Its value is kept in `extra`.",
        f"{_DRIFT} Read the value in `extra` of the row if you need it. {_REPORT}",
        shared=True,
    ),
    "unknown_value": FindingKind(
        "A column holds a value that the reference does not list. It is stored as it came.",
        f"{_DRIFT} Check queries and filters that list the documented values. {_REPORT}",
        shared=True,
    ),
    "wrong_type": FindingKind(
        "A value has another type than the reference says. The column holds what could be converted, or NULL; the"
        " original is kept in `extra`.",
        f"{_DRIFT} Read `extra` where the column is NULL. {_REPORT}",
        shared=True,
    ),
    "missing_key": FindingKind(
        "A member that is part of the key of its table is missing or empty. The column holds ''.",
        "Compare this column with '' in queries, not with NULL.",
        shared=True,
    ),
    "repeated_key": FindingKind(
        "A list has several items with equal names. They are kept as separate rows and counted by `occurrence`.",
        "Join on `occurrence` too where a query uses the key of this table.",
        shared=True,
    ),
    "too_long": FindingKind(
        "A text is longer than the key column that it belongs to. The column holds a shortened form, or NULL; the"
        " original is kept in `extra`.",
        "Read the original in `extra`.",
        shared=True,
    ),
    "unstorable_text": FindingKind(
        "A text holds a NUL character or half of a character, which databases refuse. The column holds an escaped"
        " form, or NULL; the original is kept in `extra`, escaped.",
        "Read the original in `extra`. Correct the text in the service if it is yours, such as a tag.",
        shared=True,
    ),
    # What became of a job.
    "absent_job": FindingKind(
        "The service says that the job does not exist.",
        "Nothing, if the job was deleted. Otherwise check its id and the project, and take the id out of `jobs`.",
    ),
    "unreadable_job": FindingKind(
        "The job could not be read. Its last known state is kept, if there is one.",
        "Run `inventory export` again. If it fails again, look at the detail: it has the HTTP status and the code.",
    ),
    "omitted_job": FindingKind(
        "The service answered, but the answer does not mention the job. Its last known state is kept, if there is one.",
        "Run `inventory export` again. If the job stays omitted, check its id and the permissions of the user.",
    ),
    "repeated_job": FindingKind(
        "One answer has the same job several times. If the results differ, the later one is stored and the earlier one"
        " is kept as evidence.",
        "Compare the two if the detail says that they differ: `inventory findings --json` has the evidence.",
    ),
    "unasked_job": FindingKind(
        "An answer has a result for a job that was not requested. It is kept as evidence and changes no job.",
        "Check whether the job belongs to this project. If answers keep doing this, ask the vendor's support.",
    ),
    # What stands beside jobs, or is wrong with the list.
    "unattributed_field": FindingKind(
        "A member stands beside the results of several jobs and belongs to no one of them. It is kept as evidence.",
        "Set `page_size: 1` for the source if you need to know which job it belongs to.",
    ),
    "count_mismatch": FindingKind(
        "The count in an answer is not the number of its items.",
        "Check whether the snapshot is partial: `inventory snapshots`. If it is, run `inventory export` again.",
    ),
    "unusable_id": FindingKind(
        "The list names a job without an id that could be requested. The item is kept as evidence.",
        "Ask the vendor's support about the job. The evidence is in `inventory findings --json`.",
    ),
    "scenario_not_served": FindingKind(
        "The region does not serve the list of this scenario.",
        "Nothing, or name the scenarios that the region serves under `scenarios` of the source.",
    ),
}

UNKNOWN_KIND = FindingKind(
    "This version of inventory does not know this kind.",
    "Use the version that wrote the snapshot, or a newer one.",
)
