"""Settings of the scoring API."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from stacks.setting_groups.group import Group
from stacks.setting_kinds import SWITCH, number, setting


class Api(Group):
    """The scoring API: its callers, and how much they may ask."""

    api_auth: Literal["iam", "cognito", "api-keys"] = setting(
        "iam",
        "the scoring API's callers: signed by IAM, with a token of a Cognito user pool, or known by keys with a usage plan",
        "iam, cognito or api-keys",
    )
    api_user_pool: str | None = setting(
        None,
        "the scoring API: the user pool whose tokens are taken, with api_auth=cognito",
        "the ARN of a Cognito user pool",
        pattern=r"^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$",
    )
    api_calls_a_second: int = number(500, "the scoring API: requests a second, of all callers", 1, 10_000)
    api_burst: int = number(1000, "the scoring API: requests at once", 1, 5000)
    api_calls_a_day: int = number(
        1_000_000, "the scoring API: requests a day of a key, with api_auth=api-keys", 1, 10**9
    )
    api_waf: bool = setting(False, "whether a web application firewall stands before the scoring API", SWITCH)
    api_logs_role: bool = setting(
        True,
        "whether the role is set that API Gateway writes logs with: one for all APIs of the account's region",
        SWITCH,
    )

    @model_validator(mode="after")
    def _api_possible(self) -> Self:
        if (self.api_auth == "cognito") != (self.api_user_pool is not None):
            raise ValueError(
                f"api_auth ({self.api_auth}) with api_user_pool ({self.api_user_pool}): "
                "allowed: api_auth=cognito with a user pool, or neither"
            )
        return self
