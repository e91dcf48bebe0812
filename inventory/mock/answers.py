"""Responses before they are encoded: an answer, or an exception for an error response."""

from collections.abc import Mapping
from typing import NamedTuple

from inventory.mock.parts import Job

__all__ = ["Answer", "RefusedError"]


class Answer(NamedTuple):
    """A status, a JSON document and additional headers."""

    status: int
    document: Job
    headers: Mapping[str, str] = {}


class RefusedError(Exception):
    """A response other than 200, with a single error as its document."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(code)
        self.answer = Answer(status, {"error_code": code, "error_msg": text})
