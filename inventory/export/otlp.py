"""Sends spans and metrics by OTLP over HTTP. The only module that imports OpenTelemetry.

Attributes follow its conventions for HTTP and databases; our own begin with `inventory.`. Every text passes the mask of
the log. The libraries' log is not shown: it quotes addresses and headers, which may hold a token.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client.core import Sample

from inventory import __version__
from inventory.common.errors import InventoryError
from inventory.common.trace import Attributes
from inventory.config.telemetry import Wanted
from inventory.export.metrics import MEANINGS

__all__ = ["Sender", "probe"]

DURATION = "http.client.request.duration"
# As the conventions say, in seconds:
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_OF_DURATION = (
    "http.request.method", "server.address", "server.port", "url.scheme", "http.response.status_code", "error.type",
)  # fmt: skip
_CALLS = {"http.request.method", "db.system.name"}  # one of these says that a span is a call of another service
_SECONDS = "_seconds"

logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


@dataclass
class _Open:
    """A span that is not over, and its attributes."""

    span: Span
    attributes: dict[str, Any] = field(default_factory=dict)


class Sender:
    """The `Tracer` of a run, and its metrics."""

    def __init__(self, asked: Wanted, run_id: str, began: int, mask: Callable[[Mapping[str, Any]], Mapping[str, Any]]):
        """Begin the span of the run.

        Args:
            began: when the run began, in nanoseconds of Unix time.
            mask: takes secrets out of attributes.
        """
        self._mask = mask
        resource = _resource()
        self._spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._sessions: list[_Session] = []
        readers = []
        if asked.traces:
            self._spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(session=self._session())))
        if asked.metrics:
            readers = [PeriodicExportingMetricReader(OTLPMetricExporter(session=self._session()))]
        self._metrics = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer("inventory", __version__)
        self._meter = self._metrics.get_meter("inventory", __version__)
        self._duration = self._meter.create_histogram(
            DURATION, unit="s", description="Duration of HTTP requests.", explicit_bucket_boundaries_advisory=_BUCKETS
        )
        self._open: ContextVar[_Open] = ContextVar("open")
        run = self._tracer.start_span(
            "export", context=_parent(), start_time=began, attributes=self._masked({"inventory.run_id": run_id})
        )
        if asked.traces and not run.is_recording():  # by OTEL_TRACES_SAMPLER: then there is no trace to send
            del self._sessions[0]
        self._run = _Open(run)
        self._around = set_span_in_context(run)

    @contextmanager
    def span(self, name: str, attributes: Attributes, parent: object | None) -> Iterator[None]:
        """See `trace.span`."""
        began = time.monotonic()
        context = parent if isinstance(parent, Context) else None
        if context is None and not get_current_span().get_span_context().is_valid:
            context = self._around
        kind = SpanKind.INTERNAL if _CALLS.isdisjoint(attributes) else SpanKind.CLIENT
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            token = self._open.set(_Open(span))
            try:
                self.annotate(attributes)
                yield
            except BaseException as error:
                if "error.type" not in self._open.get().attributes:
                    self.record_error(type(error).__name__, error.summary if isinstance(error, InventoryError) else "")
                raise
            finally:
                self._measure(self._open.get().attributes, time.monotonic() - began)
                self._open.reset(token)

    def annotate(self, attributes: Attributes) -> None:
        """See `trace.annotate`."""
        masked, current = self._masked(attributes), self._current()
        current.attributes.update(masked)
        current.span.set_attributes(masked)

    def event(self, name: str, attributes: Attributes) -> None:
        """See `trace.event`."""
        self._current().span.add_event(name, self._masked(attributes))

    def record_error(self, error_type: str, message: str) -> None:
        """See `trace.record_error`."""
        self.annotate({"error.type": error_type})
        said = self._masked({"message": message})["message"]
        self._current().span.set_status(Status(StatusCode.ERROR, said or None))

    def here(self) -> object:
        """See `trace.here`."""
        return get_current()

    def end(self, code: int, failure: tuple[str, str] | None, samples: Sequence[Sample], seconds: float) -> str:
        """End the span of the run, send what is left, and wait for that at most some seconds.

        Returns:
            Why something was not sent, or ''.
        """
        self.annotate({"inventory.exit_code": code})
        if failure is not None:
            self.record_error(*failure)
        elif code:
            self.record_error(str(code), "")
        self._run.span.end()
        for sample in samples:
            self._set(sample)
        work = [Thread(target=each.shutdown, daemon=True) for each in (self._spans, self._metrics)]
        until = time.monotonic() + seconds
        for each in work:
            each.start()
        for each in work:
            each.join(max(0.0, until - time.monotonic()))
        return next((each.failure for each in self._sessions if each.failure), "")

    def _session(self) -> "_Session":
        self._sessions.append(_Session())
        return self._sessions[-1]

    def _current(self) -> _Open:
        return self._open.get(self._run)

    def _masked(self, attributes: Attributes) -> dict[str, Any]:
        return dict(self._mask({name: value for name, value in attributes.items() if value is not None}))

    def _measure(self, attributes: Mapping[str, Any], seconds: float) -> None:
        if "http.request.method" in attributes:
            self._duration.record(seconds, {name: attributes[name] for name in _OF_DURATION if name in attributes})

    def _set(self, sample: Sample) -> None:
        """Set the gauge of a sample: `inventory_NAME_seconds` of the metrics file is `inventory.NAME`, in seconds."""
        name = sample.name.removeprefix("inventory_").removesuffix(_SECONDS)
        unit = "s" if sample.name.endswith(_SECONDS) else ""
        gauge = self._meter.create_gauge(f"inventory.{name}", unit, MEANINGS[sample.name])
        gauge.set(float(sample.value), self._masked(sample.labels))


class _Session(requests.Session):
    """Notes why the last request failed, in words of ours: the library's own quote the address.

    failure: '' if it did not. Before the first answer it says that there was none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failure = "the collector did not answer in time"

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Send a request, as the parent does."""
        host = _host_of(str(url))
        try:
            answer = super().request(method, url, *args, **options)
        except (OSError, ValueError) as error:  # those of requests are both
            self.failure = f"the collector {host} {_reason(error)}"
            raise
        self.failure = "" if answer.ok else f"the collector {host} answered {answer.status_code}"
        return answer


def probe(asked: Wanted, seconds: float) -> str:
    """Send an empty message for each signal that is asked for; return why a collector does not take it, or ''."""
    session = _Session()
    try:
        if asked.traces:
            OTLPSpanExporter(session=session, timeout=seconds).export([])
        if asked.metrics and not session.failure:
            OTLPMetricExporter(session=session, timeout=seconds).export(MetricsData([]))
    except Exception as error:  # noqa: BLE001  # whatever a library makes of a variable
        # Exporters before 1.33 raise what the session met, too.
        return session.failure or f"a variable of OpenTelemetry cannot be used ({type(error).__name__})"
    return session.failure


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "has a certificate that is not trusted, or speaks no TLS"
    if isinstance(error, requests.exceptions.Timeout):
        return "did not answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "cannot be reached"
    return "cannot be asked: its address or a header is not valid"


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "(no valid address)"


def _resource() -> Resource:
    """Return what sends: what the environment says comes first.

    The number of this process is left out: it would begin new series of figures each night.
    """
    ours = Resource.create({"service.name": "inventory", "service.version": __version__}).attributes
    kept = {name: value for name, value in ours.items() if name != "service.instance.id"}
    return Resource(kept).merge(OTELResourceDetector().detect())


def _parent() -> Context:
    """Return the span that the environment names as the parent of this run, if it does."""
    names = {"traceparent": "TRACEPARENT", "tracestate": "TRACESTATE"}
    carrier = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
    return TraceContextTextMapPropagator().extract(carrier, Context())
