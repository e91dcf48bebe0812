"""What the variables of OpenTelemetry ask for: traces, metrics or neither. The exporter itself reads most of them."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ENDPOINT", "Wanted", "wanted"]

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "http/protobuf"


@dataclass(frozen=True)
class Wanted:
    """What is to be sent. problem: why nothing can be sent as it is asked for, or ''."""

    traces: bool
    metrics: bool
    problem: str = ""

    def __bool__(self) -> bool:
        return self.traces or self.metrics or bool(self.problem)


def wanted(environment: Mapping[str, str]) -> Wanted:
    """Read what is asked for. Nothing is, unless an endpoint or an exporter is named.

    An empty variable is as good as none, and OTEL_SDK_DISABLED=true switches everything off, as the specification says.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Wanted(traces=False, metrics=False)
    problems: list[str] = []
    found = {signal: _is_wanted(signal, environment, problems) for signal in ("TRACES", "METRICS")}
    return Wanted(found["TRACES"], found["METRICS"], problems[0] if problems else "")


def _is_wanted(signal: str, environment: Mapping[str, str], problems: list[str]) -> bool:
    """Tell whether a signal is to be sent; add to `problems` what cannot be done."""
    variable, own_endpoint = f"OTEL_{signal}_EXPORTER", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    endpoint = next((name for name in (own_endpoint, ENDPOINT) if environment.get(name)), "")
    exporter = environment.get(variable, "").strip().lower() or ("otlp" if endpoint else "none")
    if exporter == "none":
        return False
    if exporter != "otlp":
        problems.append(f"{variable} names an exporter that is not supported. Set it to otlp, or to none")
        return False
    protocols = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next((name for name in protocols if environment.get(name)), "")
    if protocol and environment[protocol].strip().lower() != _PROTOCOL:
        what = f"{protocol} names a protocol that is not supported"
        problems.append(f"{what}. Set it to {_PROTOCOL}, and the endpoint to the collector's port for that (4318)")
        return False
    if endpoint and not environment[endpoint].strip().lower().startswith(("http://", "https://")):
        problems.append(f"{endpoint} is not an address that begins with http:// or https://")
        return False
    return True
