"""The views of the estate as its owners see it: tasks, their sub-tasks, and how their endpoints are secured."""

from inventory.schema.views.parts import Dialect, View, bookkeeping, column
from inventory.schema.views.validity import time_of

__all__ = ["OWNER_TAG", "endpoint_security", "sub_tasks", "tasks"]

OWNER_TAG = "owner_tag"  # the row of report_settings with the key of the tag that names a task's owner
_MASK = "******"  # the service's own; not an address

_IS_KAFKA = "{0}.db_type = 'kafka'"
_TLS = (  # of an endpoint
    f"CASE WHEN {_IS_KAFKA} THEN\n"
    "         CASE WHEN {0}.kafka_security_config_type IN ('SSL', 'SASL_SSL') THEN 'on'\n"
    "              WHEN {0}.kafka_security_config_type IN ('PLAINTEXT', 'SASL_PLAINTEXT') THEN 'off'\n"
    "              ELSE 'unknown' END\n"
    "       WHEN {0}.ssl_link THEN 'on' WHEN NOT {0}.ssl_link THEN 'off' ELSE 'unknown' END"
)


def sub_tasks(dialect: Dialect) -> View:  # noqa: ARG001  # the same on both
    """The tasks inside tasks: those that the list names below another, and jobs with a parent."""
    query = (
        "SELECT s.name AS source, l.source_id, l.parent_job_id, l.job_id,\n"
        "       coalesce(j.name, l.name) AS name, coalesce(j.status, l.status) AS status\n"
        "FROM job_listings l\nJOIN sources s ON s.id = l.source_id\n"
        "LEFT JOIN jobs j ON j.source_id = l.source_id AND j.id = l.job_id\n"
        "WHERE l.parent_job_id IS NOT NULL AND l.occurrence = 0\n"
        "UNION ALL\n"
        "SELECT s.name AS source, j.source_id, j.parent_id AS parent_job_id, j.id AS job_id, j.name, j.status\n"
        "FROM jobs j\nJOIN sources s ON s.id = j.source_id\n"
        "WHERE j.parent_id <> j.id AND NOT EXISTS (\n"
        "  SELECT 1 FROM job_listings l\n"
        "  WHERE l.source_id = j.source_id AND l.job_id = j.id AND l.parent_job_id IS NOT NULL\n"
        ")"
    )
    columns = (
        bookkeeping("source"),
        bookkeeping("source_id"),
        column("parent_job_id", "text", "The task that it is part of"),
        column("job_id", "text", "The sub-task; in jobs only where it was read (children: true)"),
        column("name", "text", "The sub-task's name"),
        column("status", "text", "The sub-task's status"),
    )
    comment = "Tasks inside tasks, as the list API or their own details say. Not child_jobs, which has no status."
    return View("sub_tasks", comment, columns, query)


def endpoint_security(dialect: Dialect) -> View:
    """Whether the connection to each host of each endpoint is encrypted. A list of hosts is split at its commas."""
    comma = dialect.position.format("p.rest", "','")
    colon = dialect.position.format("h.host", "':'")
    bracket = dialect.position.format("h.host", "']'")
    later = dialect.position.format(f"substr(h.host, {colon} + 1)", "':'")
    is_port = "length({0}) BETWEEN 1 AND 5 AND ltrim({0}, '0123456789') = ''"
    six, four = f"substr(h.host, {bracket} + 2)", f"substr(h.host, {colon} + 1)"
    has_six = f"substr(h.host, 1, 1) = '[' AND substr(h.host, {bracket} + 1, 1) = ':' AND {is_port.format(six)}"
    has_four = f"{colon} > 0 AND {later} = 0 AND {is_port.format(four)}"
    query = (
        "WITH RECURSIVE pieces(source_id, job_id, role, item, occurrence, nth, host, rest) AS (\n"
        "  SELECT source_id, job_id, role, item, occurrence, 0, substr(ip, 1, 0), coalesce(ip, '') || ','\n"
        "  FROM endpoints\n"
        "  UNION ALL\n"
        "  SELECT p.source_id, p.job_id, p.role, p.item, p.occurrence, p.nth + 1,\n"
        f"         trim(substr(p.rest, 1, {comma} - 1)), substr(p.rest, {comma} + 1)\n"
        "  FROM pieces p WHERE p.rest <> ''\n"
        ")\n"
        "SELECT s.name AS source, e.source_id, e.job_id, e.role, e.db_type,\n"
        f"       CASE WHEN {has_six} THEN substr(h.host, 2, {bracket} - 2)\n"
        f"            WHEN {has_four} THEN substr(h.host, 1, {colon} - 1)\n"
        "            ELSE nullif(h.host, '') END AS host,\n"
        f"       CASE WHEN {has_six} THEN CAST({six} AS BIGINT)\n"
        f"            WHEN {has_four} THEN CAST({four} AS BIGINT)\n"
        "            ELSE e.db_port END AS port,\n"
        f"       {_TLS.format('e')} AS tls,\n"
        f"       CASE WHEN {_IS_KAFKA.format('e')} THEN 'kafka' ELSE 'ssl_link' END AS how\n"
        "FROM endpoints e\nJOIN sources s ON s.id = e.source_id\n"
        "JOIN pieces h ON h.source_id = e.source_id AND h.job_id = e.job_id AND h.role = e.role AND h.item = e.item\n"
        "  AND h.occurrence = e.occurrence\n"
        "WHERE h.nth > 0 AND (h.host <> '' OR (h.nth = 1 AND trim(coalesce(e.ip, ''), ' ,') = ''))"
    )
    columns = (
        bookkeeping("source"),
        bookkeeping("source_id"),
        bookkeeping("job_id"),
        column("role", "text", "Where the endpoint stands in the job: endpoints.role"),
        column("db_type", "text", "Database type: endpoints.db_type"),
        column("host", "text", "A host of endpoints.ip, without its port; NULL where the endpoint names none"),
        column("port", "integer", "The host's port, else endpoints.db_port"),
        column("tls", "text", "on, off, or unknown where the service says nothing of it"),
        column("how", "text", "What says so: ssl_link, or kafka (kafka_security_config_type)"),
    )
    comment = "Whether the connection to each host of each endpoint is encrypted; a row a host."
    return View("endpoint_security", comment, columns, query)


def tasks(dialect: Dialect) -> View:
    """A row for each task that is no sub-task, with what its owner asks for first."""
    number = dialect.day_number.format
    query = (
        "SELECT s.name AS source, j.source_id, j.id AS job_id, j.name, j.status, v.phase, v.is_failed,\n"
        "       coalesce(v.phase <> 'ended', TRUE) AS is_active, p.from_time AS status_since,\n"
        "       (SELECT nullif(t.value, '') FROM tags t WHERE t.source_id = j.source_id AND t.job_id = j.id\n"
        f"          AND t.key = (SELECT w.value FROM report_settings w WHERE w.name = '{OWNER_TAG}')"
        " AND t.occurrence = 0) AS owner,\n"
        "       coalesce(j.net_type, l.net_type) AS net_type, j.inst_info_engine_type AS engine,\n"
        "       CASE WHEN j.net_type = 'eip' OR l.net_type = 'eip'\n"
        f"              OR (j.inst_info_public_ip IS NOT NULL AND j.inst_info_public_ip <> '{_MASK}')\n"
        "              OR EXISTS (SELECT 1 FROM public_ips i WHERE i.source_id = j.source_id AND i.job_id = j.id)\n"
        "            THEN TRUE ELSE FALSE END AS has_public_ip,\n"
        "       EXISTS (SELECT 1 FROM endpoints e WHERE e.source_id = j.source_id AND e.job_id = j.id AND "
        + _TLS.format("e")
        + " = 'off') AS has_plain_endpoint,\n"
        "       coalesce(k.sub_tasks, 0) AS sub_tasks,\n"
        "       (SELECT count(*) FROM object_infos o WHERE o.source_id = j.source_id AND o.job_id = j.id) AS objects,\n"
        f"       CAST({number(time_of('n'))} - {number('j.create_time')} AS bigint) AS age_days,\n"
        "       CASE WHEN j.status = 'FULL_TRANSFER_COMPLETE'\n"
        f"            THEN CAST({number(time_of('n'))} - {number('j.full_transfer_complete_time')} AS bigint) END"
        " AS idle_days\n"
        "FROM jobs j\nJOIN sources s ON s.id = j.source_id\n"
        "JOIN snapshots n ON n.id = (SELECT max(z.id) FROM snapshots z WHERE z.source_id = j.source_id)\n"
        "LEFT JOIN job_listings l ON l.source_id = j.source_id AND l.job_id = j.id AND l.occurrence = 0\n"
        "LEFT JOIN enum_values v ON v.table_name = 'jobs' AND v.column_name = 'status' AND v.value = upper(j.status)\n"
        "LEFT JOIN job_status_periods p ON p.source_id = j.source_id AND p.job_id = j.id AND p.is_open\n"
        "LEFT JOIN (\n"
        "  SELECT source_id, parent_job_id, count(*) AS sub_tasks FROM sub_tasks GROUP BY source_id, parent_job_id\n"
        ") k ON k.source_id = j.source_id AND k.parent_job_id = j.id\n"
        "WHERE (j.parent_id IS NULL OR j.parent_id = j.id) AND l.parent_job_id IS NULL"
    )
    columns = (
        bookkeeping("source"),
        bookkeeping("source_id"),
        bookkeeping("job_id"),
        column("name", "text", "Task name: jobs.name"),
        column("status", "text", "Status: jobs.status"),
        column("phase", "text", "The status's phase: enum_values.phase; NULL for a status that is not documented"),
        column("is_failed", "boolean", "Whether the status says that something failed: enum_values.is_failed"),
        column("is_active", "boolean", "Whether the task has not ended; true for a status that is not documented"),
        column("status_since", "time", "When the first snapshot that saw it in this status was observed, UTC"),
        column("owner", "text", "Value of the tag that names the owner (report.owner_tag); NULL where it is empty"),
        column("net_type", "text", "Network between the databases: of the job, else of its listing"),
        column("engine", "text", "Kind of task, by its engines: jobs.inst_info_engine_type"),
        column("has_public_ip", "boolean", "Whether it uses a public network: net_type eip, a public IP, or an EIP"),
        column("has_plain_endpoint", "boolean", "Whether a connection is not encrypted: endpoint_security.tls is off"),
        column("sub_tasks", "integer", "Number of its sub-tasks"),
        column("objects", "integer", "Number of its rows in object_infos"),
        column("age_days", "integer", "UTC days from its creation to the source's last snapshot", "days"),
        column(
            "idle_days", "integer",
            "UTC days from the end of the full transfer to the source's last snapshot; of FULL_TRANSFER_COMPLETE alone",
            "days",
        ),
    )  # fmt: skip
    return View("tasks", "Tasks, without sub-tasks: a row a task, as its owner asks for it.", columns, query)
