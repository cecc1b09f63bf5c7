"""Availability zones by their ids, which name the same place in every account; names as `us-east-1a` do not.

From the page *aws-availability-zones*, looked up on 2026-11-27. In each region the zones that new accounts have come first.
"""

from __future__ import annotations

ZONES = {
    "ap-northeast-1": ("apne1-az1", "apne1-az2", "apne1-az4", "apne1-az3"),
    "ap-south-1": ("aps1-az1", "aps1-az2", "aps1-az3"),
    "ap-southeast-1": ("apse1-az1", "apse1-az2", "apse1-az3"),
    "ap-southeast-2": ("apse2-az1", "apse2-az2", "apse2-az3"),
    "ca-central-1": ("cac1-az1", "cac1-az2", "cac1-az4"),
    "eu-central-1": ("euc1-az1", "euc1-az2", "euc1-az3"),
    "eu-north-1": ("eun1-az1", "eun1-az2", "eun1-az3"),
    "eu-west-1": ("euw1-az1", "euw1-az2", "euw1-az3"),
    "eu-west-2": ("euw2-az1", "euw2-az2", "euw2-az3", "euw2-az4"),
    "eu-west-3": ("euw3-az1", "euw3-az2", "euw3-az3"),
    "us-east-1": ("use1-az1", "use1-az2", "use1-az4", "use1-az5", "use1-az6", "use1-az3"),
    "us-east-2": ("use2-az1", "use2-az2", "use2-az3"),
    "us-west-2": ("usw2-az1", "usw2-az2", "usw2-az3", "usw2-az4"),
}
"""{region: its zones}."""

WITHOUT_KAFKA = frozenset({"use1-az3"})
"""Page *aws-properties-msk-cluster-brokernodegroupinfo*: "Client subnets can't occupy the Availability Zone with ID use1-az3"."""


def usable(region: str) -> tuple[str, ...]:
    """The zones of a region in which Kafka can stand.

    >>> usable("us-east-1")
    ('use1-az1', 'use1-az2', 'use1-az4', 'use1-az5', 'use1-az6')
    """
    return tuple(zone for zone in ZONES[region] if zone not in WITHOUT_KAFKA)


def zones_problem(zones: tuple[str, ...], region: str, needed: int) -> str | None:
    """What is wrong with zones that were chosen, and what is allowed; None if nothing is.

    >>> print(zones_problem(("use1-az1", "use1-az2"), "us-east-1", 2))
    None
    >>> zones_problem(("use2-az1",), "eu-west-1", 2)
    'use2-az1 is no zone of eu-west-1 for Kafka; allowed: 2 different ones of euw1-az1, euw1-az2, euw1-az3'
    """
    allowed = f"allowed: {needed} different ones of {', '.join(usable(region))}"
    for zone in zones:
        if zone in WITHOUT_KAFKA and zone in ZONES[region]:
            return f"MSK takes no subnet in {zone}; {allowed}"
        if zone not in ZONES[region]:
            return f"{zone} is no zone of {region} for Kafka; {allowed}"
    if len(set(zones)) != len(zones):
        return f"a zone is named twice; {allowed}"
    if len(zones) != needed:
        return f"{len(zones)} named, {needed} needed; {allowed}"
    return None
