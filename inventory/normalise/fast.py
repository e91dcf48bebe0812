"""Converts one result of batch-detail into rows and digests; by the fast path if it is exactly as documented.

The fast path gives the same rows and digests as masking, `normalise` and `digest`. It learns members that the API has
and the schema has not when it meets them, and stores them in `extra`: so a new field in many jobs costs little time.
If it does not cover a whole result (a wrong type, a repeated key), it converts the members that are tables and as
documented, and the walk converts the rest.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

import msgspec

from inventory import __version__
from inventory.common.exact_json import MAX_DEPTH, Json, canonical, is_empty, read, tidy
from inventory.normalise.codegen import Undeclared, generate, undeclared
from inventory.normalise.prepared import JobRows, PreparedJob, Unchanged, from_normalised
from inventory.normalise.redact import Redactor
from inventory.normalise.secret_texts import mask_text
from inventory.normalise.walk import NormalisedJob, identity, normalise, unknown_field, unknown_value
from inventory.proof.digest import hashed
from inventory.schema import REVISION
from inventory.schema.keys import digest16
from inventory.schema.kinds import Misfit, rfc3339
from inventory.schema.layout import layout_of

__all__ = ["FastPath", "Normaliser", "NotCovered"]

Row = tuple[Any, ...]
_RESULT_DEPTH = MAX_DEPTH - 2  # levels of nesting inside a result: the answer and its list have two more
_UNKNOWN_DEPTH = 100  # levels of nesting inside an unknown member
_INT_LIMIT = 2**63
MAX_LEARNED = 50  # unknown members: learning one takes several milliseconds
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, or a surrogate that may be unpaired


class NotCovered(Exception):  # noqa: N818  # a word of the domain, never seen by a user
    """The fast path does not cover this result."""


class UnknownMember(NotCovered):
    """The result has a member that this fast path does not know."""


class Normaliser:
    """Converts results of batch-detail. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._fast = FastPath(redactor)
        self._members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        # The rows of a job depend on these too.
        self._salt = canonical([REVISION, __version__, redactor.key_id, sorted(redactor.columns)]).encode()

    def job(self, raw: bytes, job_id: str, salt: bytes, before: bytes | None = None) -> PreparedJob | Unchanged:
        """Prepare one result: by the fast path where it covers it, else member by member.

        Args:
            raw: the JSON text of the result, an object.
            job_id: its job, even if the result has another id.
            salt: everything else that the job's rows depend on.
            before: `PreparedJob.cache_entry` of the last snapshot.

        Raises:
            ValueError: it is not a JSON object, or nested too deeply.
        """
        parsed = self._parse(raw, job_id)
        served = self._digest(parsed, salt)
        if (unchanged := Unchanged.from_cache(before, job_id, served)) is not None:
            return unchanged
        if isinstance(parsed, _Read):
            rows = parsed.fast_path.rows(parsed.job, raw, job_id)
            if rows is not None:
                return rows.packed(served)
            parsed = self._split(raw)
        return self._merge(parsed, job_id).packed(served)

    def unchanged(self, raw: bytes, job_id: str, salt: bytes, before: bytes | None) -> Unchanged | None:
        """Return a job that was served as it was the last time; None for any other. The arguments are those of `job`.

        Raises:
            ValueError: it is no JSON object, or nested too deeply to hold.
        """
        if before is None:
            return None
        return Unchanged.from_cache(before, job_id, self._digest(self._parse(raw, job_id), salt))

    def _parse(self, raw: bytes, job_id: str) -> "_Read | _Split":
        whole = self._decode_masked(raw)
        return whole if whole is not None and whole.job.id == job_id else self._split(raw)

    def _digest(self, parsed: "_Read | _Split", salt: bytes) -> bytes:
        """Return the digest of what was served, masked, and of what else the job's rows depend on."""
        content = msgspec.json.encode(parsed.job) if isinstance(parsed, _Read) else parsed.content
        digest: bytes = hashed(b"%b\n%b\n%b" % (self._salt, salt, content)).digest()
        return digest

    def _decode_masked(self, raw: bytes) -> "_Read | None":
        """Decode a result, or some of its members, by the fast path; learn unknown members."""
        fast = self._fast
        try:
            return _Read(fast.read(raw), fast)
        except UnknownMember:
            self._fast = extended = fast.extended(raw)
        except NotCovered:
            return None
        try:
            return _Read(extended.read(raw), extended) if extended is not fast else None
        except NotCovered:
            return None

    def _split(self, raw: bytes) -> "_Split":
        """Decode the members that are tables by the fast path, as far as it covers them, and parse the rest."""
        try:
            members = self._members(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _Split({}, self._redactor.job(_parse_object(raw)))
        parts: dict[bytes, _Read] = {}
        for name in self._fast.tables & members.keys():
            text = b'{"%b":%b}' % (name.encode(), bytes(members[name]))
            if (part := self._decode_masked(text)) is not None:
                parts[text] = part
                del members[name]
        return _Split(parts, self._redactor.job(_parse_object(msgspec.json.encode(members))))

    def _merge(self, split: "_Split", job_id: str) -> JobRows:
        """Merge the rows of the members from the fast path, and of the rest from the walk."""
        job, rest = JobRows(job_id), split.rest
        for text, part in split.parts.items():
            if (rows := part.fast_path.rows_below(part.job, text, job_id)) is not None:
                job.add(rows)
            else:
                rest = rest | self._redactor.job(_parse_object(text))
        job.add_normalised(normalise(job_id, rest))
        return job

    def objects(self, raw: bytes, job_id: str) -> PreparedJob:
        """Convert a piece of a job's `object_infos`: the JSON text of a list of objects.

        Raises:
            ValueError: it is not JSON, or nested too deeply.
        """
        text = b'{"object_infos":%b}' % raw
        part = self._decode_masked(text)
        rows = part.fast_path.rows_below(part.job, text, job_id) if part is not None else None
        if rows is not None:
            return rows.packed()
        job = normalise(job_id, self._redactor.job(_parse_object(text)))
        return from_normalised(NormalisedJob(job_id, {"object_infos": job.rows["object_infos"]}, job.findings))


@dataclass(frozen=True, slots=True)
class _Split:
    """A masked result. parts: JSON text of an object with one member -> decoded by the fast path. rest: the others."""

    parts: "dict[bytes, _Read]"
    rest: dict[str, Json]

    @property
    def content(self) -> bytes:
        """Return the contents in a canonical form."""
        parts = sorted(msgspec.json.encode(part.job) for part in self.parts.values())
        return b"\n".join([b"", *parts, canonical(self.rest).encode()])


class _Read(NamedTuple):
    """A result that the fast path decoded and masked, with that fast path."""

    job: Any
    fast_path: "FastPath"


class FastPath:
    """Converts results that are exactly as documented. Safe to share between threads.

    tables: the members of a result that become rows of other tables, with keys that no other member's rows have.
    """

    def __init__(self, redactor: Redactor, known: Undeclared = frozenset()) -> None:
        """Generate and compile the code; it also covers the unknown members in `known`."""
        code = generate(redactor.columns, known)
        self._redactor = redactor
        self._known = known
        names: dict[str, Any] = {
            "FALSE": "false", "M": _INT_LIMIT, "NOTHING": (None, ""), "NotCovered": NotCovered, "TRUE": "true",
            "canonical": canonical, "comma": ",".join, "digest16": digest16, "identity": identity,
            "join": _join, "loose": self._mask_unknown, "mask": redactor.mask, "mask_pair": redactor.pair,
            "mask_text": mask_text, "moment": _moment, "pairs": _pairs, "q": encode_basestring_ascii,
            "sha256": sha256, "unless_empty": _unless_empty, "whole": _int_of, **code.names,
        }  # fmt: skip
        exec(compile(code.source, "<the fast path>", "exec"), names)  # noqa: S102  # generated from the schema
        self._rows: Callable[..., None] = names["rows_jobs"]
        self._rows_below: Callable[..., None] = names["rows_below_jobs"]
        self._masked: Callable[[Any], Any] = names["mask_jobs"]
        self._decode = msgspec.json.Decoder(code.job).decode
        self.tables = code.tables

    def read(self, raw: bytes) -> Any:
        """Return a result, or some of its members, decoded and masked.

        Raises:
            NotCovered: the walk has to convert it.
            UnknownMember: the fast path from `extended` may cover it.
        """
        try:
            return self._masked(self._decode(raw))
        except msgspec.ValidationError as error:
            raise (UnknownMember if "unknown field" in str(error) else NotCovered) from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise NotCovered from None

    def extended(self, raw: bytes) -> "FastPath":
        """Return a fast path that covers the unknown members of this result too; itself if there are none to learn."""
        if len(self._known) >= MAX_LEARNED:
            return self
        try:
            found = self._known.union(undeclared(layout_of("jobs").shape, _parse_object(raw)))
        except ValueError:
            return self
        known = frozenset(sorted(found)[:MAX_LEARNED])
        return self if known == self._known else FastPath(self._redactor, known)

    def _mask_unknown(self, name: str, raw: msgspec.Raw) -> msgspec.Raw | None:
        """Mask an unknown member; None if it is empty."""
        try:
            kept = tidy(self._redactor.undeclared(name, read(bytes(raw), max_depth=_UNKNOWN_DEPTH)))
        except ValueError:
            raise NotCovered from None
        return None if is_empty(kept) else msgspec.Raw(canonical(kept).encode())

    def rows(self, job: Any, raw: bytes, job_id: str) -> JobRows | None:
        """Return the rows of a result that was decoded from `raw`; None if it is not covered."""
        return _fill(raw, job_id, lambda *of, out: self._rows([job], *of, role=None, single=False, out=out))

    def rows_below(self, job: Any, raw: bytes, job_id: str) -> JobRows | None:
        """Return the rows of its members that are tables; None if they are not covered."""
        return _fill(raw, job_id, lambda *of, out: self._rows_below(job, *of, out=out))


class _FastJob(JobRows):
    """Filled by the generated code."""

    __slots__ = ()

    def unknown(self, at: str | None, path: str, value: Any, known: frozenset[Any]) -> None:
        """Add the finding for an undocumented value. Upper and lower case are equal."""
        if not (isinstance(value, str) and value.lower() in known):
            if isinstance(value, str) and mask_text(value) != value:
                raise NotCovered  # it contains a secret, so it is not a value of an enumeration
            self.findings += unknown_value(self.job_id, _join(at, path), value)

    def unknown_field(self, at: str | None, path: str, raw: msgspec.Raw) -> Json:
        """Add the finding for a member without a column; return its value."""
        value = read(bytes(raw))
        self.findings += unknown_field(self.job_id, _join(at, path), value)
        return value


def _fill(raw: bytes, job_id: str, fill: Callable[..., None]) -> JobRows | None:
    if _is_unstorable(raw):
        return None
    job = _FastJob(job_id)
    try:
        fill(None, job_id, encode_basestring_ascii(job_id), "", out=job)
    except NotCovered:
        return None
    if len(job.fingerprints) != sum(map(len, job.rows.values())):
        return None  # a key repeats
    return job


def _parse_object(raw: bytes) -> dict[str, Json]:
    """Parse a JSON object.

    Raises:
        ValueError: it is not a JSON object, or nested too deeply.
    """
    document = read(raw, max_depth=_RESULT_DEPTH)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  # the same error as for invalid JSON
    return document


def _is_unstorable(raw: bytes) -> bool:
    return b"\\u" in raw and _UNSTORABLE.search(raw) is not None


def _join(at: str | None, path: str) -> str:
    return path if at is None else f"{at}.{path}" if path else at


def _unless_empty(value: Json) -> Json:
    return None if value == "" else value


def _int_of(text: str) -> int:
    """Return the number in a text, if str() of it gives the same text."""
    if len(text) > 19 or not text.isascii() or not text.removeprefix("-").isdecimal():
        raise NotCovered
    number = int(text)
    if str(number) != text or not -_INT_LIMIT <= number < _INT_LIMIT:
        raise NotCovered
    return number


def _moment(text: str, read: Callable[[Json], tuple[datetime | None, bool]]) -> str | None:
    try:
        moment, exact = read(text)
    except Misfit:
        raise NotCovered from None
    if not exact:
        raise NotCovered
    return None if moment is None else rfc3339(moment)


def _pairs(items: Sequence[dict[str, str | None]], struct: type[Any]) -> list[Any]:
    """Return tags as structs, from either of their two forms."""
    found = []
    for item in items:
        if item.keys() <= {"key", "value"} and ("key" in item or item.keys() <= {"value"}):
            found.append(struct(**item))
        elif "key" in item:
            raise NotCovered
        else:
            found += [struct(key=key, value=value) for key, value in item.items()]
    return found
