"""One result of batch-detail becomes rows and digests: what is exactly as documented by the fast path.

The fast path gives what masking, `normalise` and `digest` would have made of it. It learns the members that the API has
and the schema has not, as they come, and keeps them in `extra`: a new field costs little, in however many jobs it
stands. Where it does not cover a result as a whole (a wrong type, a key that repeats), it takes the members that are
tables and are as documented, and the walk takes the rest.
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
from inventory.common.exact_json import DEEPEST, Json, canonical, is_empty, read, tidy
from inventory.normalise.codegen import Undeclared, generate, undeclared
from inventory.normalise.prepared import JobRows, PreparedJob, Unchanged, from_normalised
from inventory.normalise.redact import Redactor
from inventory.normalise.secret_texts import mask_text
from inventory.normalise.walk import NormalisedJob, identity, normalise, unknown_field, unknown_value
from inventory.proof.digest import hashed
from inventory.schema import REVISION
from inventory.schema.keys import digest16
from inventory.schema.kinds import Misfit, stored_time
from inventory.schema.layout import layout_of

__all__ = ["FastPath", "Normaliser", "NotCovered"]

Row = tuple[Any, ...]
_RESULT = DEEPEST - 2  # levels of nesting inside a result: the answer and its list take two
_UNKNOWN = 100  # levels of nesting inside a member that is unknown
_MOST = 2**63
MOST_LEARNED = 50  # members beyond the schema: each takes some milliseconds to learn
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, or half a character, perhaps


class NotCovered(Exception):  # noqa: N818  # a word of the domain, never seen by a user
    """The fast path does not cover this."""


class UnknownMember(NotCovered):
    """There is a member that it does not know."""


class Normaliser:
    """Makes ready what batch-detail says of a job. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._fast = FastPath(redactor)
        self._members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        # What a job comes to depends on these too.
        self._salt = canonical([REVISION, __version__, redactor.key_id, sorted(redactor.columns)]).encode()

    def job(self, raw: bytes, job_id: str, salt: bytes, before: bytes | None = None) -> PreparedJob | Unchanged:
        """Prepare one result: by the fast path where it covers it, else member by member.

        Args:
            raw: the JSON text of the result, an object.
            job_id: the job that it is about, whatever id it has.
            salt: what else the job's rows depend on.
            before: what `PreparedJob.note` was the last time.

        Raises:
            ValueError: it is no JSON object, or nested too deeply to hold.
        """
        parsed = self._parse(raw, job_id)
        served = self._digest(parsed, salt)
        if (unchanged := Unchanged.since(before, job_id, served)) is not None:
            return unchanged
        if isinstance(parsed, _Read):
            rows = parsed.by.rows(parsed.job, raw, job_id)
            if rows is not None:
                return rows.packed(served)
            parsed = self._split(raw)
        return self._joined(parsed, job_id).packed(served)

    def unchanged(self, raw: bytes, job_id: str, salt: bytes, before: bytes | None) -> Unchanged | None:
        """Return a job that was served as it was the last time; None for any other. The arguments are those of `job`.

        Raises:
            ValueError: it is no JSON object, or nested too deeply to hold.
        """
        if before is None:
            return None
        return Unchanged.since(before, job_id, self._digest(self._parse(raw, job_id), salt))

    def _parse(self, raw: bytes, job_id: str) -> "_Read | _Split":
        whole = self._read(raw)
        return whole if whole is not None and whole.job.id == job_id else self._split(raw)

    def _digest(self, parsed: "_Read | _Split", salt: bytes) -> bytes:
        """Return the digest of what was served, masked, and of what else the job's rows depend on."""
        content = msgspec.json.encode(parsed.job) if isinstance(parsed, _Read) else parsed.content
        digest: bytes = hashed(b"%b\n%b\n%b" % (self._salt, salt, content)).digest()
        return digest

    def _read(self, raw: bytes) -> "_Read | None":
        """Read a result, or some of its members, by the fast path, which learns the members that are new to it."""
        fast = self._fast
        try:
            return _Read(fast.read(raw), fast)
        except UnknownMember:
            self._fast = grown = fast.grown(raw)
        except NotCovered:
            return None
        try:
            return _Read(grown.read(raw), grown) if grown is not fast else None
        except NotCovered:
            return None

    def _split(self, raw: bytes) -> "_Split":
        """Read the members that are tables, each by the fast path where it covers it, and the rest as it comes."""
        try:
            members = self._members(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _Split({}, self._redactor.job(_object(raw)))
        parts: dict[bytes, _Read] = {}
        for name in self._fast.tables & members.keys():
            text = b'{"%b":%b}' % (name.encode(), bytes(members[name]))
            if (part := self._read(text)) is not None:
                parts[text] = part
                del members[name]
        return _Split(parts, self._redactor.job(_object(msgspec.json.encode(members))))

    def _joined(self, split: "_Split", job_id: str) -> JobRows:
        """Put together what the fast path makes of the members, and what the walk makes of the rest."""
        job, rest = JobRows(job_id), split.rest
        for text, part in split.parts.items():
            if (rows := part.by.rows_below(part.job, text, job_id)) is not None:
                job.add(rows)
            else:
                rest = rest | self._redactor.job(_object(text))
        job.add_normalised(normalise(job_id, rest))
        return job

    def objects(self, raw: bytes, job_id: str) -> PreparedJob:
        """Prepare some of a job's `object_infos`, a list of objects as it came, by themselves.

        Raises:
            ValueError: it is not JSON, or nested too deeply to hold.
        """
        text = b'{"object_infos":%b}' % raw
        part = self._read(text)
        rows = part.by.rows_below(part.job, text, job_id) if part is not None else None
        if rows is not None:
            return rows.packed()
        job = normalise(job_id, self._redactor.job(_object(text)))
        return from_normalised(NormalisedJob(job_id, {"object_infos": job.rows["object_infos"]}, job.findings))


@dataclass(frozen=True, slots=True)
class _Split:
    """A result, masked. parts: what the fast path read, by its text, an object of one member. rest: the others."""

    parts: "dict[bytes, _Read]"
    rest: dict[str, Json]

    @property
    def content(self) -> bytes:
        """Return all that it holds, in one spelling."""
        parts = sorted(msgspec.json.encode(part.job) for part in self.parts.values())
        return b"\n".join([b"", *parts, canonical(self.rest).encode()])


class _Read(NamedTuple):
    """What the fast path decoded, masked."""

    job: Any
    by: "FastPath"


class FastPath:
    """Reads what is exactly as documented. Safe to share between threads.

    tables: the members of a result that are rows of tables of their own, and of no other member's.
    """

    def __init__(self, redactor: Redactor, known: Undeclared = frozenset()) -> None:
        """Compile it; `known` are members beyond the schema that it covers too."""
        code = generate(redactor.columns, known)
        self._redactor = redactor
        self._known = known
        names: dict[str, Any] = {
            "FALSE": "false", "M": _MOST, "NotCovered": NotCovered, "TRUE": "true",
            "canonical": canonical, "comma": ",".join, "digest16": digest16, "identity": identity,
            "join": _join, "loose": self._loose, "mask": redactor.mask, "mask_pair": redactor.pair,
            "mask_text": mask_text, "moment": _moment, "pairs": _pairs, "q": encode_basestring_ascii,
            "rfc": _rfc, "sha256": sha256, "unless_empty": _unless_empty, "whole": _whole, **code.names,
        }  # fmt: skip
        exec(compile(code.source, "<the fast path>", "exec"), names)  # noqa: S102  # text of ours, from the schema
        self._rows: Callable[..., None] = names["rows_jobs"]
        self._rows_below: Callable[..., None] = names["rows_below_jobs"]
        self._masked: Callable[[Any], Any] = names["mask_jobs"]
        self._decode = msgspec.json.Decoder(code.job).decode
        self.tables = code.tables

    def read(self, raw: bytes) -> Any:
        """Return a result, or some of its members, decoded and masked.

        Raises:
            NotCovered: it is for the walk.
            UnknownMember: perhaps not for one that is `grown`.
        """
        try:
            return self._masked(self._decode(raw))
        except msgspec.ValidationError as error:
            raise (UnknownMember if "unknown field" in str(error) else NotCovered) from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise NotCovered from None

    def grown(self, raw: bytes) -> "FastPath":
        """Return one that covers the unknown members of a result too: this one, where there is nothing to learn."""
        if len(self._known) >= MOST_LEARNED:
            return self
        try:
            found = self._known.union(undeclared(layout_of("jobs").shape, _object(raw)))
        except ValueError:
            return self
        known = frozenset(sorted(found)[:MOST_LEARNED])
        return self if known == self._known else FastPath(self._redactor, known)

    def _loose(self, name: str, raw: msgspec.Raw) -> msgspec.Raw | None:
        """Mask an unknown member; nothing where it says nothing."""
        try:
            kept = tidy(self._redactor.loose(name, read(bytes(raw), deepest=_UNKNOWN)))
        except ValueError:
            raise NotCovered from None
        return None if is_empty(kept) else msgspec.Raw(canonical(kept).encode())

    def rows(self, job: Any, raw: bytes, job_id: str) -> JobRows | None:
        """Return what a result comes to that was read from this text; None where it is not covered."""
        return _filled(raw, job_id, lambda *of, out: self._rows([job], *of, role=None, single=False, out=out))

    def rows_below(self, job: Any, raw: bytes, job_id: str) -> JobRows | None:
        """Return what those of its members come to that are tables; None where they are not covered."""
        return _filled(raw, job_id, lambda *of, out: self._rows_below(job, *of, out=out))


class _FastJob(JobRows):
    """What the generated code fills."""

    __slots__ = ()

    def unknown(self, at: str | None, path: str, value: Any, known: frozenset[Any]) -> None:
        """Note a value that is not documented, unless it is in other letters."""
        if not (isinstance(value, str) and value.lower() in known):
            if isinstance(value, str) and mask_text(value) != value:
                raise NotCovered  # it is no value of an enumeration
            self.findings += unknown_value(self.job_id, _join(at, path), value)

    def unknown_field(self, at: str | None, path: str, raw: msgspec.Raw) -> Json:
        """Note a member that no column holds; return it."""
        value = read(bytes(raw))
        self.findings += unknown_field(self.job_id, _join(at, path), value)
        return value


def _filled(raw: bytes, job_id: str, fill: Callable[..., None]) -> JobRows | None:
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


def _object(raw: bytes) -> dict[str, Json]:
    """Read a JSON object, whatever it holds.

    Raises:
        ValueError: it is none, or nested too deeply to hold.
    """
    document = read(raw, deepest=_RESULT)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  # as what is no JSON at all
    return document


def _is_unstorable(raw: bytes) -> bool:
    return b"\\u" in raw and _UNSTORABLE.search(raw) is not None


def _join(at: str | None, path: str) -> str:
    return path if at is None else f"{at}.{path}" if path else at


def _unless_empty(value: Json) -> Json:
    return None if value == "" else value


def _whole(text: str) -> int:
    """Return the number that a text spells in the one way that gives it back."""
    if len(text) > 19 or not text.isascii() or not text.removeprefix("-").isdecimal():
        raise NotCovered
    number = int(text)
    if str(number) != text or not -_MOST <= number < _MOST:
        raise NotCovered
    return number


def _moment(text: str, read: Callable[[Json], tuple[datetime | None, bool]]) -> str | None:
    try:
        moment, exact = read(text)
    except Misfit:
        raise NotCovered from None
    if not exact:
        raise NotCovered
    return None if moment is None else stored_time(moment)


def _rfc(stored: str) -> str:
    return f"{stored[:10]}T{stored[11:]}Z"


def _pairs(items: Sequence[dict[str, str | None]], struct: type[Any]) -> list[Any]:
    """Return tags as structs, in whichever of their two forms they came."""
    found = []
    for item in items:
        if item.keys() <= {"key", "value"} and ("key" in item or item.keys() <= {"value"}):
            found.append(struct(**item))
        elif "key" in item:
            raise NotCovered
        else:
            found += [struct(key=key, value=value) for key, value in item.items()]
    return found
