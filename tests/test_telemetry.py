"""What a collector of OpenTelemetry is sent, as a real one receives it; and that it never costs a night."""

import json
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from inventory.common import trace
from inventory.config.telemetry import wanted
from inventory.mock import DrsServer, Fault
from tests.conftest import ROOT, Command, here, write_page
from tests.live import DATABASE, Export
from tests.test_house import loaded
from tests.web import Reply, Sent, Web

HOW_TO = (ROOT / "docs/how-to/telemetry.md").read_text()
CLIENT, ERROR = 3, 2  # numbers of the protocol
INSTALL = "pip install 'drs-inventory[otel]'"


@dataclass
class Seen:
    """One span, as it was received. error: its description where it failed."""

    name: str
    kind: int
    parent: "Seen | None"
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    error: str | None
    seconds: float
    trace: str
    children: list["Seen"] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.name if self.parent is None else f"{self.parent.path}/{self.name}"


def plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


class Collector(Web):
    """Takes what is sent to it."""

    def __init__(self, status: int = 200, pause: float = 0) -> None:
        self.pause = pause
        super().__init__(lambda sent: self._answered(sent, status))

    def _answered(self, sent: Sent, status: int) -> Reply:
        time.sleep(self.pause)
        return Reply(status, pieces=(b"",))

    @property
    def variables(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def spans(self) -> list[Seen]:
        found: dict[bytes, tuple[Any, Seen]] = {}
        for sent in self.sent:
            if sent.path != "/v1/traces":
                continue
            for resource in ExportTraceServiceRequest.FromString(sent.body).resource_spans:
                for span in (each for scope in resource.scope_spans for each in scope.spans):
                    events = [(each.name, plain(each.attributes)) for each in span.events]
                    error = span.status.message if span.status.code == ERROR else None
                    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                    found[span.span_id] = (
                        span,
                        Seen(
                            span.name,
                            span.kind,
                            None,
                            plain(span.attributes),
                            events,
                            error,
                            seconds,
                            span.trace_id.hex(),
                        ),
                    )
        for span, seen in found.values():
            if span.parent_span_id in found:
                seen.parent = found[span.parent_span_id][1]
                seen.parent.children.append(seen)
        return [seen for _, seen in found.values()]

    def metrics(self) -> dict[str, Any]:
        """Return the last value of each metric, by name."""
        found: dict[str, Any] = {}
        for sent in self.sent:
            if sent.path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(sent.body).resource_metrics:
                    found |= {each.name: each for scope in resource.scope_metrics for each in scope.metrics}
        return found

    def resource(self) -> dict[str, Any]:
        (sent, *_) = (each for each in self.sent if each.path == "/v1/traces")
        return plain(ExportTraceServiceRequest.FromString(sent.body).resource_spans[0].resource.attributes)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


def named(spans: list[Seen], name: str) -> list[Seen]:
    return [span for span in spans if span.name == name]


def recorded(name: str) -> str:
    write_page(Path(name), 1, ["j1"], {"count": 1, "results": [{"id": "j1", "name": "orders"}]})
    return name


def replayed(**variables: str) -> Any:
    done = here("--database", DATABASE, "export", "--replay", recorded("night"), **variables)
    assert done.returncode == 0, done.stderr
    return done


def test_the_spans_of_a_night(export: Export, collector: Collector) -> None:
    export.environment = collector.variables
    export(jobs="all")
    spans = collector.spans()
    assert Counter(span.path for span in spans) == {
        "export": 1, "export/source": 1, "export/source/commit": 1,
        "export/source/list": 6, "export/source/list/POST": 6,
        "export/source/batch": 3, "export/source/batch/POST": 3,
    }  # fmt: skip
    assert len({span.trace for span in spans}) == 1
    assert {span.name for span in spans if span.kind == CLIENT} == {"POST", "commit"}
    assert all(span.error is None for span in spans)
    (root,), (source,), (commit,) = (named(spans, name) for name in ("export", "source", "commit"))
    assert root.attributes.keys() == {"inventory.run_id", "inventory.exit_code"}
    assert source.attributes.items() >= {
        "inventory.source": "live", "cloud.region": "cn-north-4", "inventory.snapshot": 1, "inventory.jobs": 25,
        "inventory.added": 25, "inventory.changed": 0, "inventory.removed": 0, "inventory.status": "complete",
    }.items()  # fmt: skip
    assert commit.attributes["db.system.name"] == "sqlite"
    assert sorted(span.attributes["inventory.ids"] for span in named(spans, "batch")) == [5, 10, 10]
    assert {span.attributes["inventory.scenario"] for span in named(spans, "list")} == {
        "migration", "sync", "cloudDataGuard",
    }  # fmt: skip
    for span in spans:
        assert span.parent is None or span.seconds <= span.parent.seconds
    post = named(spans, "POST")[0]
    assert post.attributes.items() >= {
        "http.request.method": "POST", "server.address": "127.0.0.1", "server.port": urlsplit(export.server.url).port,
        "http.response.status_code": 200,
    }.items()  # fmt: skip
    assert post.attributes["url.full"].startswith(f"{export.server.url}/v3/{export.server.project_id}/jobs")


def test_sources_at_once_keep_their_batches_apart(export: Export, server: DrsServer, collector: Collector) -> None:
    ids = sorted(server.jobs)
    export.environment = collector.variables
    export.configured([{**export.source(), "name": "other", "region": "cn-east-3", "jobs": ids[:7]}], jobs=ids[:12])
    words = ("--config", "c.yaml", "--database", DATABASE, "export")
    assert here(*words, TOKEN=server.token, **collector.variables).returncode == 0
    found = {
        source.attributes["inventory.source"]: sorted(
            each.attributes["inventory.ids"] for each in named(source.children, "batch")
        )
        for source in named(collector.spans(), "source")
    }
    assert found == {"live": [2, 10], "other": [7]}


def test_retries_are_events_and_each_request_a_span(export: Export, server: DrsServer, collector: Collector) -> None:
    server.faults.append(Fault("status", status=503, body={"error_code": "DRS.M00004", "error_msg": "s3cret text"}))
    export.environment = collector.variables
    export(jobs=sorted(server.jobs)[:10])
    (batch,) = named(collector.spans(), "batch")
    assert batch.error is None
    assert batch.attributes["inventory.retries"] == 1
    ((name, about),) = batch.events
    assert (name, about["inventory.attempt"], about["inventory.why"]) == ("retry", 1, "HTTP 503 DRS.M00004")
    first, second = sorted(batch.children, key=lambda span: span.attributes["http.response.status_code"], reverse=True)
    assert (first.error, first.attributes["error.type"]) == ("", "503")
    assert (second.error, second.attributes["http.response.status_code"]) == (None, 200)
    assert b"s3cret text" not in b"".join(sent.body for sent in collector.sent)


def test_a_source_that_fails(export: Export, server: DrsServer, collector: Collector) -> None:
    server.faults.append(Fault("reset", times=None))
    export.environment = collector.variables
    export(jobs=sorted(server.jobs)[:10], retry_seconds=0, code=1)
    spans = collector.spans()
    (root,), (source,), (batch, *_), (post, *_) = (
        named(spans, name) for name in ("export", "source", "batch", "POST")
    )  # fmt: skip
    assert (root.attributes["inventory.exit_code"], root.attributes["error.type"]) == (1, "1")
    assert source.attributes["error.type"] == "SourceError"
    assert source.error is not None
    assert source.error.startswith(f"cannot read any job from {server.url}: connection closed")
    assert batch.error == post.attributes["error.type"] == "connection closed"
    assert not named(spans, "commit")


def test_no_secret_and_no_text_of_a_job_is_sent(export: Export, server: DrsServer, collector: Collector) -> None:
    """Not even where the service puts one into a code, which is part of messages."""
    job_id, *_ = ids = sorted(server.jobs)
    server.jobs[job_id]["description"] = "Moves the ledger of the bank"
    server.faults.append(Fault("status", body={"error_code": f"password=Pl4nted&{server.token}"}, times=None,
                               when=lambda request: ids[11] in request.jobs))  # fmt: skip
    export.environment = collector.variables
    export(jobs=ids, retry_seconds=1, code=3)
    sent = b"".join(each.body for each in collector.sent)
    assert any("password" in str(span.error) for span in collector.spans())
    for secret in (server.token, "Pl4nted", "ledger of the bank", job_id, ids[11]):
        assert secret.encode() not in sent, secret


def test_metrics_are_those_of_the_file(export: Export, collector: Collector) -> None:
    export.environment = collector.variables
    export("--metrics-file", "m.prom")
    metrics = collector.metrics()
    duration = metrics.pop("http.client.request.duration")
    assert duration.unit == "s"
    assert sum(point.count for point in duration.histogram.data_points) == len(export.server.requests)
    found = {}
    for name, metric in metrics.items():
        suffix = {"s": "_seconds", "": ""}[metric.unit]
        for point in metric.gauge.data_points:
            labels = tuple(sorted(plain(point.attributes).items()))
            found[name.replace(".", "_") + suffix, labels] = point.as_double, metric.description
    families = list(text_string_to_metric_families(Path("m.prom").read_text()))
    filed = {
        (sample.name, tuple(sorted(sample.labels.items()))): (sample.value, family.documentation)
        for family in families
        for sample in family.samples
        if sample.name != "inventory_build_info"
    }
    moment = ("inventory_last_run_timestamp_seconds", ())
    assert found.pop(moment)[0] == pytest.approx(filed.pop(moment)[0], abs=5)
    assert found == filed


def test_who_sends_and_whose_part_it_is(collector: Collector) -> None:
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    replayed(TRACEPARENT=parent, **collector.variables)
    assert {span.trace for span in collector.spans()} == {"ab" * 16}
    resource = collector.resource()
    assert resource["service.name"] == "inventory"
    assert "service.instance.id" not in resource
    collector.sent.clear()
    replayed(OTEL_SERVICE_NAME="nightly", OTEL_RESOURCE_ATTRIBUTES="team=dba", **collector.variables)
    assert collector.resource().items() >= {"service.name": "nightly", "team": "dba"}.items()


def test_a_wrong_configuration_is_a_trace_too(collector: Collector) -> None:
    Path("c.yaml").write_text("sauces: []")
    done = here("--config", "c.yaml", "export", **collector.variables)
    assert done.returncode == 64
    (root,) = collector.spans()
    assert (root.attributes["inventory.exit_code"], root.attributes["error.type"]) == (64, "ConfigError")
    assert collector.metrics()["inventory.last_run_exit_code"].gauge.data_points[0].as_double == 64


@pytest.mark.parametrize(
    ("variables", "traces", "metrics", "said"),
    [
        ({}, False, False, ""),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, False, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True, True, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False, False, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_METRICS_EXPORTER": "none"}, True, False, ""),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://c/m"}, False, True, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True, False, ""),
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, False, False, "OTEL_TRACES_EXPORTER names an exporter"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"}, False, False, "OTEL_EXPORTER_OTLP_ENDPOINT is not an address"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            False, False, "OTEL_EXPORTER_OTLP_PROTOCOL names a protocol",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            True, True, "",
        ),
    ],
)  # fmt: skip
def test_what_variables_ask_for(variables: dict[str, str], traces: bool, metrics: bool, said: str) -> None:
    found = wanted(variables)
    assert (found.traces, found.metrics) == (traces, metrics)
    assert found.problem.startswith(said)
    assert bool(found.problem) == bool(said)
    assert bool(found) == (traces or metrics or bool(said))


@pytest.mark.parametrize("switch", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_SAMPLER": "always_off"}])
def test_who_wants_no_trace_is_not_warned(collector: Collector, switch: dict[str, str]) -> None:
    assert replayed(**collector.variables, **switch).stderr == ""
    assert collector.spans() == []


def test_a_collector_that_is_away(tmp_path: Path) -> None:
    began = time.monotonic()
    done = replayed(OTEL_EXPORTER_OTLP_ENDPOINT="http://me:hush@127.0.0.1:1/t0ken", OTEL_EXPORTER_OTLP_HEADERS="k=h1de")
    assert time.monotonic() - began < 9
    said = "warning: traces and metrics were not sent: the collector 127.0.0.1:1 cannot be reached\n"
    assert done.stderr == said
    assert "night: snapshot 1" in done.stdout


@pytest.mark.parametrize("status", [401, 503])
def test_a_collector_that_refuses(status: int) -> None:
    with Collector(status) as collector:
        done = replayed(**collector.variables)
    host = f"127.0.0.1:{collector.port}"
    assert done.stderr == f"warning: traces and metrics were not sent: the collector {host} answered {status}\n"


def test_a_collector_that_does_not_answer() -> None:
    with Collector(pause=20) as collector:
        began = time.monotonic()
        done = replayed(**collector.variables)
        assert time.monotonic() - began < 9
    said = "warning: traces and metrics were not sent: the collector did not answer in time\n"
    assert done.stderr == said


def test_a_variable_that_a_library_does_not_take(collector: Collector) -> None:
    done = replayed(OTEL_BSP_MAX_QUEUE_SIZE="1", **collector.variables)  # less than one batch
    assert re.fullmatch(r"warning: traces and metrics were not sent: a variable of OpenTelemetry .*\n", done.stderr)


@contextmanager
def without_the_packages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "inventory.export.otlp", raising=False)
        patch.setitem(sys.modules, "opentelemetry.context", None)
        yield


def test_without_the_packages_the_night_goes_on_and_who_checks_is_told(collector: Collector) -> None:
    replayed(OTEL_SDK_DISABLED="true")
    Path("c.yaml").write_text(json.dumps({"sources": [{"name": "again", "replay": ["night"]}]}))
    words = ("--config", "c.yaml", "--database", DATABASE)
    with without_the_packages():
        done = here(*words, "export", **collector.variables)
        assert done.returncode == 0
        assert INSTALL in done.stderr
        assert here(*words, "-q", "export", **collector.variables).stderr == ""
        done = here(*words, "validate", **collector.variables)
        assert (done.returncode, INSTALL in done.stderr) == (0, True)
        done = here(*words, "doctor", **collector.variables)
        assert done.returncode == 1
        assert re.search(r"^fail  telemetry +settings .*drs-inventory\[otel\]", done.stdout, re.MULTILINE)
        assert "telemetry" not in here(*words, "doctor").stdout
    assert collector.sent == []


def test_doctor_asks_the_collector(collector: Collector) -> None:
    Path("c.yaml").write_text(json.dumps({"sources": [{"name": "again", "replay": [recorded("night")]}]}))
    words = ("--config", "c.yaml", "--database", DATABASE, "doctor")
    done = here(*words, **collector.variables)
    assert (done.returncode, "ok    telemetry" in done.stdout) == (0, True)
    assert [sent.path for sent in collector.sent] == ["/v1/traces", "/v1/metrics"]
    done = here(*words, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert (done.returncode, "warn  telemetry" in done.stdout) == (0, True)
    assert "127.0.0.1:1 cannot be reached" in done.stdout
    assert here(*words, OTEL_EXPORTER_OTLP_TIMEOUT="soon", **collector.variables).returncode == 0


def test_off_nothing_of_it_is_imported(inventory: Command) -> None:
    recorded("night")
    words = ("--database", DATABASE, "export", "--replay", "night")
    modules = ("opentelemetry", "requests", "inventory.export.otlp", "google.protobuf")
    assert loaded(modules, *words) == []
    assert trace.span("x", {}) is trace.span("y", {})
    assert trace.here() is None


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or os.name == "nt", reason="signals of POSIX")
def test_a_signal_ends_the_run_as_fast(export: Export, server: DrsServer) -> None:
    server.latency = 30
    with pytest.MonkeyPatch.context() as patch, Collector(pause=20) as collector:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with export.started() as process:
            until = time.monotonic() + 30
            while not server.requests and time.monotonic() < until:
                time.sleep(0.02)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 3
    assert (process.returncode, err) == (1, "error: stopped by SIGTERM; what was not finished was not written\n")


def test_workers_send_nothing(export: Export, collector: Collector) -> None:
    export.environment = collector.variables
    export.as_it_comes()(jobs="all")
    assert len(named(collector.spans(), "export")) == 1


def test_the_page_has_every_span_and_attribute(export: Export, server: DrsServer, collector: Collector) -> None:
    server.faults.append(Fault("reset", times=1, when=lambda request: bool(request.jobs)))
    export.environment = collector.variables
    export(jobs="all")
    told = {
        re.findall(r"`(\w+)`", row)[0]: set(re.findall(r"`([a-z_.]+\.[a-z_.]+)`", row))
        for row in re.findall(r"^\| `.*$", HOW_TO, re.MULTILINE)
    }
    seen: dict[str, set[str]] = {}
    for span in collector.spans():
        seen.setdefault(span.name, set()).update(span.attributes.keys() - {"error.type"})
        for name, about in span.events:
            seen.setdefault(name, set()).update(about)
    assert {name: told.get(name) for name in seen} == seen
