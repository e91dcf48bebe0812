"""Splits an answer of batch-detail into its results: the bytes of each, and the id of its job.

A result is decoded only when it is normalised, perhaps in another process. Long lists are cut out of an answer that
is too large for memory (`cut`). An answer that can be neither split nor cut is parsed as a whole.
"""

import msgspec

from inventory.common.body import Body, BodyFile
from inventory.common.exact_json import MAX_DEPTH, Json, canonical, is_empty, read
from inventory.normalise.cut import PIECE, CannotSplit, Span, cut

__all__ = ["JobResult", "LargeResult", "read_answer", "with_documents", "with_results"]


class _Head(msgspec.Struct):
    """The members that identify the job of a result (Table 6)."""

    id: str | None = None
    status: str | None = None
    name: str | None = None


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """The documented answer (Table 5)."""

    results: list[msgspec.Raw]
    count: int | msgspec.UnsetType | None = msgspec.UNSET


_answer = msgspec.json.Decoder(_Answer).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_results = msgspec.json.Decoder(list[msgspec.Raw]).decode
_head = msgspec.json.Decoder(_Head).decode


class JobResult:
    """One of an answer's `results`, unchanged.

    raw: its JSON text. members: at least `id`, `status` and `name`, parsed; None if it is not an object.
    """

    __slots__ = ("members", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.members: dict[str, Json] | None
        try:
            head = _head(raw)
            self.members = {"id": head.id, "status": head.status, "name": head.name}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            head = None
        if head is None or not (head.status or head.name):  # a failed look-up has other members
            document = self.document()
            self.members = document if isinstance(document, dict) else None

    @classmethod
    def of(cls, document: Json) -> "JobResult":
        """Return the result with this document."""
        return cls(canonical(document).encode())

    def joined(self, name: str, value: Json) -> "JobResult | None":
        """Return the result with one more member; None if it has that member already, or cannot be parsed."""
        try:
            document = self.document()
        except ValueError:
            return None
        return JobResult.of({**document, name: value}) if is_empty(document.get(name)) else None

    def document(self) -> Json:
        """Parse it.

        Raises:
            ValueError: it is not JSON, or nested too deeply.
        """
        return read(self.raw, max_depth=MAX_DEPTH - 2)  # the answer and its list take two levels


class LargeResult(JobResult):
    """A job whose list of objects is in a file.

    raw: the result with an empty list in its place. spans: the pieces of the list in `body`.
    """

    __slots__ = ("body", "spans")

    def __init__(self, raw: bytes, body: BodyFile, spans: list[Span]) -> None:
        super().__init__(raw)
        self.body = body
        self.spans = spans

    def document(self) -> Json:
        """Parse it, in memory."""
        document = super().document()
        pieces = b",".join(self.body.part(begin, end) for begin, end in self.spans)
        return {**document, "object_infos": read(b"[%b]" % pieces, max_depth=MAX_DEPTH - 2)}


def read_answer(body: Body, piece: int = PIECE) -> Json:
    """Parse an answer, except its results: each of them is a `JobResult`.

    Args:
        piece: see `cut`.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return _cut(body, piece) if isinstance(body, BodyFile) else _split(body)
    except (CannotSplit, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = body if isinstance(body, bytes) else body.whole()
        return with_results(read(content, max_depth=MAX_DEPTH))


def with_results(document: Json) -> Json:
    """Return a parsed answer with its results as `JobResult`; see `read_answer`."""
    if isinstance(document, dict) and isinstance(document.get("results"), list):
        return {**document, "results": [JobResult.of(each) for each in document["results"]]}
    return document


def with_documents(document: Json) -> Json:
    """Return an answer with its results parsed."""
    if isinstance(document, dict) and isinstance(document.get("results"), list):
        return {**document, "results": [each.document() for each in document["results"]]}
    return document


def _split(content: bytes) -> dict[str, Json]:
    if not content.isascii():
        content.decode()  # msgspec does not check the encoding of `Raw`
    try:
        answer = _answer(content)
    except msgspec.ValidationError:  # perhaps it has other members
        members = _members(content)
    else:
        document: dict[str, Json] = {} if answer.count is msgspec.UNSET else {"count": answer.count}
        return document | {"results": [JobResult(bytes(each)) for each in answer.results]}
    raw = members.pop("results", None)
    document = {name: read(bytes(member), max_depth=MAX_DEPTH - 1) for name, member in members.items()}
    if raw is not None:
        document["results"] = [JobResult(bytes(each)) for each in _results(raw)]
    return document


def _cut(body: BodyFile, piece: int) -> dict[str, Json]:
    rest, lists = cut(body.file, piece)
    document = _split(rest)
    if not lists:
        return document
    document["results"] = [
        LargeResult(result.raw, body, lists[place]) if place in lists else result
        for place, result in enumerate(document["results"])
    ]
    return document
