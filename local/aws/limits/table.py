"""The table of all limits: a row each, with the page of AWS's documentation that says so.

Pages named API_* are of the service's API reference, the others of its guide.
"""

from __future__ import annotations

from local.aws.limits.handed_on import HANDED_ON
from local.aws.limits.limit import Limits
from local.aws.limits.requests import REQUESTS
from local.aws.limits.resources import RESOURCES

TABLE = (*REQUESTS, *RESOURCES, *HANDED_ON)
LIMITS = Limits(TABLE)
