"""`mock-server`: a DRS service on this machine, with faults on demand."""

import ipaddress
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inventory.cli.base import echo, safe
from inventory.cli.group import Command, command
from inventory.common.errors import InventoryError, UsageError

if TYPE_CHECKING:
    from inventory.mock import DrsServer, RecordedRequest
    from inventory.mock.faults import Reply

__all__ = ["mock_server"]

MOST = 1_000_000


class _WithScenarios(Command):
    """Ends its help with the scenarios; their module is imported only for who asks."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the scenarios, and the examples."""
        with formatter.section("Scenarios (with the share of requests or jobs, unless --rate)"):
            formatter.write_dl(_scenarios())
        super().format_epilog(ctx, formatter)


@command(
    "mock-server",
    cls=_WithScenarios,
    examples=["inventory mock-server > mock.yaml &", "inventory --config mock.yaml export"],
    short_help="Run a DRS service on this machine, with faults on demand.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--expose", is_flag=True, help="Allow a --host that other machines reach: no TLS, invented passwords.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; 0, the default, takes a free one.")
@click.option(
    "--jobs", "count", type=click.IntRange(0, MOST), default=100, show_default=True, help="Size of the estate."
)
@click.option("--objects", type=click.IntRange(0, MOST), default=5, show_default=True, help="Object infos in each job.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another estate.")
@click.option("--night", type=click.IntRange(0, 10_000), default=0, show_default=True, help="Nights that have passed.")
@click.option("--latency", type=click.FloatRange(0, 3600), default=0.0, metavar="S", help="Seconds before each answer.")
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="What goes wrong; repeatable, see below.")
@click.option("--rate", metavar="P%", help="How often, such as 5%: for each scenario that has a share.")
@click.option("--list-scenarios", is_flag=True, help="Print the scenarios and end.")
@click.option("--auth", type=click.Choice(["token", "keys", "password"]), default="token", show_default=True,
              help="How the printed configuration signs in; the server takes all three.")  # fmt: skip
@click.option("--log", is_flag=True, help="A line for each request, on stderr.")
def mock_server(
    host: str, expose: bool, port: int, count: int, objects: int, seed: int, night: int, latency: float,
    names: tuple[str, ...], rate: str | None, list_scenarios: bool, auth: str, log: bool,
) -> None:  # fmt: skip
    """Run a DRS service on 127.0.0.1 for tests: the API, its quirks, and faults on demand.

    It first prints a configuration for itself. POST /mock/night lets a night pass: some jobs differ then, some are
    gone, some are new. It ends with Ctrl-C or SIGTERM.
    """
    if list_scenarios:
        for name, does in _scenarios():
            echo(f"{name:22}{does}")
        return
    share = _share(rate)
    _known(names)
    local = _is_local(host)
    if not local and not expose:
        raise UsageError(
            f"--host {host}: other machines could reach it, without TLS", "Add --expose if this is intended"
        )
    import signal

    from inventory.mock import DrsServer, apply_scenarios

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)

    server = DrsServer(host=host, port=port)
    _bind(server, host, port)
    echo(_configuration(server, auth, local=local), nl=False)
    server.keep_requests, server.latency, server.seed = False, latency, seed
    server.jobs = _estate(count, seed, objects)
    for _ in range(night):
        server.next_night()
    apply_scenarios(server, names, share, seed)
    server.log = _tell if log else None
    with server:
        threading.Event().wait()


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


def _scenarios() -> list[tuple[str, str]]:
    from inventory.mock.scenarios import SCENARIOS

    rates = {name: f" ({each.rate:.0%})" if each.rate is not None else "" for name, each in SCENARIOS.items()}
    return [(name, each.does + rates[name]) for name, each in SCENARIOS.items()]


def _known(names: Iterable[str]) -> None:
    known = [name for name, _ in _scenarios()]
    for name in names:
        if name not in known:
            raise UsageError(f"--scenario: there is no scenario {name!r}", f"There are: {', '.join(known)}")


def _share(rate: str | None) -> float | None:
    if rate is None:
        return None
    try:
        share = float(rate.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError("--rate takes a share from 0% to 100%, such as 5%")
    return share


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(server: "DrsServer", host: str, port: int) -> None:
    try:
        server.bind()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise InventoryError(f"{host}, port {port}: {why}", "Choose another --host or --port") from None


def _configuration(server: "DrsServer", auth: str, *, local: bool) -> str:
    """Write a configuration; JSON's texts are YAML's too."""
    import json

    ways: dict[str, dict[str, str]] = {
        "token": {"token": server.token},
        "keys": {"access_key": server.access_key, "secret_key": server.secret_key},
        "password": {"username": server.username, "password": server.password, "domain": server.domain},
    }
    source: dict[str, Any] = {"name": "mock", "region": server.region, "project_id": server.project_id}
    source |= {"endpoint": server.url, "iam_endpoint": server.url, "auth": ways[auth], "jobs": "all"}
    if not local:
        source["plain_http"] = True
    keys = "\n    ".join(f"{key}: {json.dumps(value)}" for key, value in source.items())
    head = f"# A DRS to rehearse with, all invented. POST {server.url}/mock/night lets a night pass."
    return f"{head}\nsources:\n  - {keys}\n"


def _estate(count: int, seed: int, objects: int) -> dict[str, dict[str, Any]]:
    """Make the jobs with the garbage collector off: they are many, and none of them is garbage."""
    import gc

    from inventory.mock import make_estate

    gc.disable()
    jobs = make_estate(count, seed, objects)
    gc.freeze()
    gc.enable()
    return jobs


def _tell(request: "RecordedRequest", reply: "Reply") -> None:
    what = "reset" if reply.reset else f"{reply.status}, {len(reply.body)} bytes"
    echo(safe(f"{request.method} {request.path}: {what}"), err=True)
