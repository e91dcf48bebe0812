"""What `check` came to, in the formats of other tools: SARIF 2.1.0 for code scanning, JUnit XML for CI."""

import hashlib
import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from inventory import __version__
from inventory.common.exact_json import Json, canonical
from inventory.common.safe_text import clean
from inventory.report.checks.checked import Checked, Line
from inventory.report.checks.rule import Rule

__all__ = ["as_junit", "as_sarif"]

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_BASELINE = {
    "new": "new", "reopened": "new", "overdue": "unchanged", "same": "unchanged", "waived": "unchanged",
    "fixed": "absent", "closed": "absent",
}  # fmt: skip
_NOT_XML = re.compile("[\ufffe\uffff]")


def as_sarif(checked: Checked, lines: list[Line]) -> dict[str, Json]:
    """Return a SARIF 2.1.0 log with one run: a result for each line, suppressed if it is waived, absent if closed."""
    places = {rule.id: at for at, rule in enumerate(checked.rules)}
    failures = [
        {
            "level": "error" if each.has_failed else "warning",
            "message": {"text": _sarif_text(f"{each.rule.id}, {each.source}: {each.why}")},
            "associatedRule": {"id": each.rule.id, "index": places[each.rule.id]},
        }
        for each in checked.unknown
    ]
    invocation = {
        "executionSuccessful": not any(each.has_failed for each in checked.unknown),
        "toolExecutionNotifications": failures,
    }
    driver = {
        "name": "inventory",
        "version": __version__,
        "rules": [_sarif_rule(rule) for rule in checked.rules],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [_sarif_result(line, places[line.rule.id]) for line in lines],
    }
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule: Rule) -> dict[str, Json]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": _sarif_text(rule.title)},
        "fullDescription": {"text": _sarif_text(rule.meaning)},
        "help": {"text": _sarif_text(rule.remedy)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"severity": rule.severity, "sla_days": rule.sla_days},
    }


def _sarif_result(line: Line, at: int) -> dict[str, Json]:
    result = line.result
    named = "/".join(clean(part) for part in (line.source, result.job_id, result.key) if part)
    subject = line.job_name or result.job_id or line.source
    found: dict[str, Json] = {
        "ruleId": line.rule.id,
        "ruleIndex": at,
        "level": _LEVELS[result.severity],
        "message": {"text": _sarif_text(f"{line.rule.title}: {subject}: {result.detail}")},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": named, "kind": "resource"}]}],
        "partialFingerprints": {"inventoryResult/v1": _fingerprint(line)},
        "baselineState": _BASELINE[line.word],
        "properties": {
            "change": line.word, "source": clean(line.source), "job_id": clean(result.job_id),
            "key": clean(result.key), "owner": clean(result.owner or ""), "is_overdue": line.is_overdue,
        },
    }  # fmt: skip
    if line.waiver is not None:
        why = f"{line.waiver.reason} (until {line.waiver.until}, by {line.waiver.by})"
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": clean(why)}]
    return found


def _fingerprint(line: Line) -> str:
    identity = [line.rule.id, line.source, line.result.job_id, line.result.key]
    return hashlib.sha256(canonical(identity).encode()).hexdigest()


def _sarif_text(text: str) -> str:
    """Escape what a SARIF message has a meaning for: links in brackets, and placeholders in braces."""
    return re.sub(r"([{}])", r"\1\1", re.sub(r"([\\\[\]])", r"\\\1", clean(text)))


def as_junit(checked: Checked, lines: list[Line]) -> str:
    """Return JUnit XML: a suite a rule; a test case a result, and one for each source in which the rule finds none.

    An open result fails, a waived one is skipped, and a source that is unknown is an error.
    """
    root = Element("testsuites", name="inventory check")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for rule in checked.rules:
        cases = [*_found(rule, lines), *_unjudged(rule, checked)]
        seen = {case.attrib["classname"] for case in cases}
        names = [_xml(f"{rule.id}.{row['source']}") for row in checked.snapshots]
        cases += [Element("testcase", classname=name, name="nothing found") for name in names if name not in seen]
        kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        numbers = {word: sum(case.find(tag) is not None for case in cases) for word, tag in kinds.items()}
        numbers["tests"] = len(cases)
        suite = SubElement(root, "testsuite", {"name": _xml(f"{rule.id} {rule.title}"), **_texts(numbers)})
        suite.extend(cases)
        totals = {word: totals[word] + numbers[word] for word in totals}
    root.attrib.update(_texts(totals))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}'


def _found(rule: Rule, lines: list[Line]) -> list[Element]:
    cases = []
    for line in lines:
        if line.rule.id != rule.id or line.word in {"fixed", "closed"}:
            continue
        result = line.result
        name = " ".join(part for part in (result.job_id, line.job_name or "", result.key) if part) or line.source
        case = Element("testcase", classname=_xml(f"{rule.id}.{line.source}"), name=_xml(name))
        if line.waiver is not None:
            why = f"waived until {line.waiver.until} by {line.waiver.by}: {line.waiver.reason}"
            SubElement(case, "skipped", message=_xml(why))
        else:
            failure = SubElement(case, "failure", message=_xml(result.detail), type=result.severity)
            failure.text = _xml(f"{line.word}. {rule.meaning} What to do: {rule.remedy}")
        cases.append(case)
    return cases


def _unjudged(rule: Rule, checked: Checked) -> list[Element]:
    cases = []
    for each in checked.unknown:
        if each.rule.id == rule.id:
            case = Element("testcase", classname=_xml(f"{rule.id}.{each.source}"), name="unknown")
            SubElement(case, "error", message=_xml(each.why), type="failed" if each.has_failed else "unknown")
            cases.append(case)
    return cases


def _texts(numbers: dict[str, int]) -> dict[str, str]:
    return {word: str(number) for word, number in numbers.items()}


def _xml(text: str) -> str:
    """Return a text without what XML 1.0 does not allow."""
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", clean(text))
