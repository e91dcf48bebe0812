"""A DRS service that runs on this machine: for tests, for trying things out, for `mock-server`.

Read in this order: `parts` and `estate` make the jobs, `nights` changes them, `identity` (with `signature`) lets in,
`iam` and `service` know what the APIs answer, `faults` spoils answers, `server` carries them over HTTP, and
`scenarios` names the faults that can be simulated. Imports nothing of our other packages, so that it cannot share
their mistakes.
"""

from inventory.mock.estate import PLANTED, list_item, make_estate
from inventory.mock.faults import Fault, RecordedRequest
from inventory.mock.nights import evolve
from inventory.mock.scenarios import SCENARIOS, rehearse
from inventory.mock.server import DrsServer

__all__ = [
    "PLANTED",
    "SCENARIOS",
    "DrsServer",
    "Fault",
    "RecordedRequest",
    "evolve",
    "list_item",
    "make_estate",
    "rehearse",
]
