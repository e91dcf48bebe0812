"""A DRS service that runs on this machine: for tests, for trying things out, for `mock-server`.

Read in this order: `parts` and `estate` make the jobs, `service` knows what the API answers, `faults` spoils answers,
`server` carries them over HTTP. Imports nothing of our other rooms, so it can be wrong only on its own account.
"""

from inventory.mock.estate import PLANTED, list_item, make_estate
from inventory.mock.faults import Fault, RecordedRequest
from inventory.mock.server import DrsServer

__all__ = ["PLANTED", "DrsServer", "Fault", "RecordedRequest", "list_item", "make_estate"]
