"""The tables, declared once: every column says what it means and where in the API's answer it comes from.

`fields` and `kinds` are the language; `jobs`, `endpoints`, `objects`, `limits_alarms` and `transformation` say in
it what the reference's Tables 6 to 23 say; `own` holds what is ours.

A new field is its declaration here, with ``since=`` the next revision, REVISION set to that, and the migration that
`python -m tests.draft_migration` writes. All else derives from the declaration.
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

REVISION = "0001"  # the newest of migrations/versions; a test holds the two together

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

ESTATE: tuple[Entity, ...] = tuple(entity for entity in ENTITIES if entity.is_estate)  # what is compared

BY_NAME: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
