"""The environment of the function `start_crawl`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """What looks at the files."""

    crawler: Name = Field(alias="CRAWLER_NAME")
