"""The table of all limits: a row each, with the page of AWS's documentation that says so.

Pages named API_* are of the service's API reference, the others of its guide.
"""

from __future__ import annotations

from emulator.limits.handed_on import HANDED_ON
from emulator.limits.limit import Limits
from emulator.limits.requests import REQUESTS
from emulator.limits.resources import RESOURCES

TABLE = (*REQUESTS, *RESOURCES, *HANDED_ON)
LIMITS = Limits(TABLE)
