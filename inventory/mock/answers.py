"""What the service says before it becomes bytes: an answer, or a refusal that is raised where it is noticed."""

from collections.abc import Mapping
from typing import NamedTuple

from inventory.mock.parts import Job

__all__ = ["Answer", "RefusedError"]


class Answer(NamedTuple):
    """A status, a JSON document and what headers the answer needs beyond the usual."""

    status: int
    document: Job
    headers: Mapping[str, str] = {}


class RefusedError(Exception):
    """An answer other than 200, in the shape of a single error."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(code)
        self.answer = Answer(status, {"error_code": code, "error_msg": text})
