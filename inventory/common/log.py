"""The log of the run, for all packages. `cli.log_setup` configures the output and masks secrets."""

import structlog

__all__ = ["bound", "everywhere", "logger"]

# Adds fields to every event of this thread: `with bound(run_id=…, source=…):`. A new thread starts without them.
bound = structlog.contextvars.bound_contextvars

everywhere: dict[str, object] = {}  # fields of every event of every thread, including events of libraries


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger: ``logger().info("exported", jobs=12)``.

    It keeps the fields that are bound in this thread, so that worker threads can log with them too.
    """
    found: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return found.bind(**structlog.contextvars.get_contextvars())
