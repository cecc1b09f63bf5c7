"""Settings of the whole deployment: which environment, where, and how long what it keeps is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from stacks.images import REGIONS
from stacks.setting_groups.group import Group
from stacks.setting_kinds import has_images, number, setting


class Deployment(Group):
    """Which environment, where, and how long data is kept."""

    env: Literal["dev", "prod"] = setting(
        "dev", "which environment; its defaults hold for all other settings", "dev or prod"
    )
    region: Annotated[str, AfterValidator(has_images)] = setting(
        "us-east-1", "where everything runs", ", ".join(REGIONS)
    )
    removal: Literal["destroy", "retain"] = setting(
        "destroy", "what becomes of data when its stack is deleted", "destroy or retain"
    )
    retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = setting(
        30, "how long logs and access logs are kept, days", "7, 14, 30, 60, 90, 180 or 365"
    )
    archive_days: int = number(90, "how long archived transactions are kept, days", 60, 3650)
