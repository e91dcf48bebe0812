"""The tables, declared once: each column has its meaning and its place in the API's answer.

`fields` and `kinds` define the declarations; `jobs`, `endpoints`, `objects`, `limits_alarms` and `transformation`
declare the reference's Tables 6 to 23; `own` declares tables that are not in the reference.

To add a field, declare it here with ``since=`` the next revision, set REVISION to that, and write the migration with
`python -m tests.draft_migration`. Everything else derives from the declaration.
"""

from inventory.schema.endpoints import ENDPOINTS
from inventory.schema.entities import Entity
from inventory.schema.jobs import JOBS
from inventory.schema.limits_alarms import ALARM_ENDPOINTS, ALARM_SUBSCRIPTIONS, SPEED_LIMITS
from inventory.schema.objects import CHILD_JOBS, OBJECT_INFOS, PUBLIC_IPS, TAGS
from inventory.schema.own import FINDINGS, JOB_DIGESTS, JOB_LISTINGS, LISTED_ELSEWHERE, LISTED_TOO
from inventory.schema.transformation import FILTER_CONDITIONS, FILTER_OBJECT_INFOS

__all__ = [
    "BY_NAME",
    "ENTITIES",
    "ESTATE",
    "JOB_DIGESTS",
    "LISTED_ELSEWHERE",
    "LISTED_TOO",
    "REVISION",
]

REVISION = "0001"  # the newest of migrations/versions; a test compares them

ENTITIES: tuple[Entity, ...] = (  # parents first
    JOBS,
    ENDPOINTS,
    OBJECT_INFOS,
    TAGS,
    SPEED_LIMITS,
    ALARM_SUBSCRIPTIONS,
    ALARM_ENDPOINTS,
    FILTER_CONDITIONS,
    FILTER_OBJECT_INFOS,
    PUBLIC_IPS,
    CHILD_JOBS,
    JOB_LISTINGS,
    FINDINGS,
)

ESTATE: tuple[Entity, ...] = tuple(entity for entity in ENTITIES if entity.is_estate)  # compared by diff

BY_NAME: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
