"""Variants of endpoint configurations: what may stand in one, and how DescribeEndpoint shows them."""

from __future__ import annotations

import datetime
from typing import Any

from emulator.errors import ServiceError


def check_shadows(config: dict[str, Any]) -> None:
    """Page API_CreateEndpointConfig: with shadows "you can only specify one variant for ProductionVariants and one variant for
    ShadowProductionVariants".

    Raises:
        ServiceError: there are more, or two variants have one name.
    """
    production, shadows = config["ProductionVariants"], config.get("ShadowProductionVariants") or []
    if shadows and (len(production), len(shadows)) != (1, 1):
        raise ServiceError(
            "ValidationException",
            f"{len(production)} ProductionVariants and {len(shadows)} ShadowProductionVariants; allowed: one of each",
        )
    names = [one["VariantName"] for one in (*production, *shadows)]
    if len(set(names)) < len(names):
        raise ServiceError("ValidationException", f"variants {', '.join(names)}; allowed: a name of its own for each")


def share_of_shadow(config: dict[str, Any]) -> float:
    """The share of requests that the shadow variant gets, too: its weight against that of the production variant."""
    weights = [
        float(config[kind][0].get("InitialVariantWeight", 1))
        for kind in ("ShadowProductionVariants", "ProductionVariants")
    ]
    return min(1.0, weights[0] / weights[1]) if weights[1] else 0.0


def standing(config: dict[str, Any]) -> dict[str, Any]:
    """The members of DescribeEndpoint about the variants that serve."""
    found = {"ProductionVariants": [_shown(one) for one in config["ProductionVariants"]]}
    if shadows := config.get("ShadowProductionVariants"):
        found["ShadowProductionVariants"] = [_shown(one) for one in shadows]
    return found


def pending(config: dict[str, Any], since: datetime.datetime, share: float) -> dict[str, Any]:
    """DescribeEndpoint's PendingDeploymentSummary.

    Args:
        config: of the fleet that takes over.
        share: of the requests, that goes to it; 0 while it comes up.
    """
    status = [{"Status": "Baking" if share else "Creating"}]
    summary = {"EndpointConfigName": config["EndpointConfigName"], "StartTime": since}
    return summary | {
        kind: [{**one, "VariantStatus": status} for one in shown] for kind, shown in standing(config).items()
    }


def _shown(variant: dict[str, Any]) -> dict[str, Any]:
    count, weight = variant.get("InitialInstanceCount", 1), float(variant.get("InitialVariantWeight", 1))
    return {
        "VariantName": variant["VariantName"],
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
