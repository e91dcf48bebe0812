"""A DRS service that runs on this machine: for tests, for trying things out, for `mock-server`.

Read in this order: `parts` and `estate` create the jobs, `nights` changes them, `identity` (with `signature`)
authenticates requests, `iam` and `service` answer the API calls, `faults` alters responses, `server` is the HTTP
server, and `scenarios` lists the faults that can be simulated. It imports no other package of inventory, so that it
cannot share their mistakes.
"""

from inventory.mock.estate import PLANTED, list_item, make_estate
from inventory.mock.faults import Fault, RecordedRequest
from inventory.mock.nights import evolve
from inventory.mock.scenarios import SCENARIOS, apply_scenarios
from inventory.mock.server import DrsServer

__all__ = [
    "PLANTED",
    "SCENARIOS",
    "DrsServer",
    "Fault",
    "RecordedRequest",
    "apply_scenarios",
    "evolve",
    "list_item",
    "make_estate",
]
