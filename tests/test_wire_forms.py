"""Values whose wire form is another than their column's: flags sent as text or numbers, and texts that are empty."""

from typing import Any

import pytest

from inventory.common.exact_json import Json, Number
from inventory.normalise.rebuild import rebuild
from inventory.normalise.walk import NormalisedJob, normalise
from inventory.schema.layout import layout_of
from tests.test_strict import same, text_of


def column(job: NormalisedJob, table: str, name: str) -> list[Any]:
    """Return a column's values, each with the row's `extra`."""
    index = layout_of(table).index
    return [(row[index[name]], row[index["extra"]]) for row in job.rows[table]]


SELECTED: dict[str, tuple[Json, bool | None, str | None, list[str]]] = {
    "true": ("true", True, None, []),
    "false": ("false", False, None, []),
    "some of it": ("partial", None, '{"select":"partial"}', []),
    "upper case": ("TRUE", True, '{"select":"TRUE"}', ["wrong_type"]),
    "a boolean": (False, False, '{"select":false}', ["wrong_type"]),
    "another word": ("half", None, '{"select":"half"}', ["unknown_value"]),
    "a list": (["true"], None, '{"select":["true"]}', ["wrong_type"]),
    "empty": ("", None, None, []),
    "null": (None, None, None, []),
}


@pytest.mark.parametrize("form", SELECTED)
def test_whether_an_object_is_selected_is_a_boolean(form: str) -> None:
    sent, stored, extra, findings = SELECTED[form]
    document = {"id": "job", "object_infos": [{"type": "table", "id": "a", "name": "a", "select": sent}]}
    job = normalise("job", document)
    assert column(job, "object_infos", "is_selected") == [(stored, extra)]
    assert [finding.kind for finding in job.findings] == findings
    back = rebuild(job.rows)["object_infos"][0]
    assert back == {"type": "table", "id": "a", "name": "a"} | ({} if sent in ("", None) else {"select": sent})
    assert same(text_of(document), "masked") == (not findings)


RENEWED: dict[str, tuple[Json, bool | None, str | None, list[str]]] = {
    "yes": (1, True, None, []),
    "no": (0, False, None, []),
    "text": ("1", True, '{"period_order.is_auto_renew":"1"}', ["wrong_type"]),
    "a boolean": (True, True, '{"period_order.is_auto_renew":true}', ["wrong_type"]),
    "another number": (2, None, '{"period_order.is_auto_renew":2}', ["unknown_value"]),
    "a fraction": (Number("1.0"), None, '{"period_order.is_auto_renew":1.0}', ["wrong_type"]),
}


@pytest.mark.parametrize("form", RENEWED)
def test_whether_an_order_renews_itself_is_a_boolean(form: str) -> None:
    sent, stored, extra, findings = RENEWED[form]
    document = {"id": "job", "period_order": {"is_auto_renew": sent, "charging_mode": 0}}
    job = normalise("job", document)
    assert column(job, "jobs", "period_order_is_auto_renew") == [(stored, extra)]
    assert [finding.kind for finding in job.findings] == findings
    assert rebuild(job.rows)["period_order"] == {"is_auto_renew": sent, "charging_mode": 0}
    assert same(text_of(document), "masked") == (not findings)


def test_the_mode_of_a_cluster_is_a_boolean() -> None:
    document = {"id": "job", "source_sharding": [{"db_type": "kafka", "safe_mode": mode} for mode in (0, 1)]}
    job = normalise("job", document)
    assert sorted(column(job, "endpoints", "safe_mode")) == [(False, None), (True, None)]
    assert same(text_of(document), "masked")


NULL = '{"value":null}'
TAGS: dict[str, tuple[Json, str, str | None, Json]] = {
    "empty": ({"key": "a", "value": ""}, "", None, {"key": "a", "value": ""}),
    "null": ({"key": "a", "value": None}, "", NULL, {"key": "a"}),
    "absent": ({"key": "a"}, "", NULL, {"key": "a"}),
    "empty in a map": ({"a": ""}, "", None, {"key": "a", "value": ""}),
    "null in a map": ({"a": None}, "", NULL, {"key": "a"}),
    "a value": ({"key": "a", "value": "b"}, "b", None, {"key": "a", "value": "b"}),
}


@pytest.mark.parametrize("form", TAGS)
def test_a_tag_without_a_value_has_an_empty_one(form: str) -> None:
    sent, stored, extra, back = TAGS[form]
    job = normalise("job", {"id": "job", "tags": [sent]})
    assert column(job, "tags", "value") == [(stored, extra)]
    assert job.findings == []
    assert rebuild(job.rows)["tags"] == [back]
    assert same(text_of({"id": "job", "tags": [sent]}), "masked")


def test_a_tag_whose_value_does_not_fit_has_none() -> None:
    job = normalise("job", {"id": "job", "tags": [{"key": "a", "value": ["x"]}]})
    assert column(job, "tags", "value") == [(None, '{"value":["x"]}')]


@pytest.mark.parametrize(
    ("sent", "stored"), [({"endpoint_algorithm": ""}, ""), ({}, None), ({"endpoint_algorithm": None}, None)]
)
def test_an_empty_text_with_a_meaning_is_not_null(sent: Json, stored: str | None) -> None:
    document = {"id": "job", "target_endpoint": {"db_type": "kafka", "kafka_security_config": {"type": "SSL", **sent}}}
    job = normalise("job", document)
    assert column(job, "endpoints", "kafka_security_config_endpoint_algorithm") == [(stored, None)]
    kept = {name: value for name, value in sent.items() if value is not None}
    assert rebuild(job.rows)["target_endpoint"]["kafka_security_config"] == {"type": "SSL", **kept}
    assert same(text_of(document), "masked")


def test_an_empty_text_alone_is_no_row() -> None:
    document = {"id": "job", "target_endpoint": {"kafka_security_config": {"endpoint_algorithm": ""}}}
    assert "endpoints" not in normalise("job", document).rows
    assert same(text_of(document), "masked")


def test_no_filter_for_ddl_is_not_null() -> None:
    for sent, stored in (({"filter_ddl_policy": ""}, ""), ({}, None)):
        job = normalise("job", {"id": "job", **sent})
        assert column(job, "jobs", "filter_ddl_policy") == [(stored, None)]
        assert job.findings == []
        assert same(text_of({"id": "job", **sent}), "masked")
