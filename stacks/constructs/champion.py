"""The champion: the newest approved model of the registry. What a candidate is compared with, and what the endpoint gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.constructs.endpoint import Endpoint
from stacks.constructs.state_machine import keep, sagemaker_call
from stacks.constructs.steps import Choice, Step, Succeed
from stacks.constructs.storage import Store

STACK_UPDATED = "CloudFormation Stack Status Change"
AGAIN = f"{{% $lookup($states.input, 'detail-type') = '{STACK_UPDATED}' or $states.input.redeploy = true %}}"
"""Whether a run deploys the champion again rather than training: after an update of the endpoint's stack, or by hand."""
NOTHING = "none/"
"""Prefix of the models bucket that holds no model: what is mounted where there is no champion yet."""
_MODEL_URL = "$states.result.InferenceSpecification.Containers[0].ModelDataUrl"


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The steps that have to do with it.

    Attributes:
        registry: the group that models are registered in.
        endpoint: serves it.
        prefix: what the names of its models and configurations begin with; a run's own follows.
        models: the bucket of models.
    """

    registry: str
    endpoint: Endpoint
    prefix: str
    models: Store

    def again(self, otherwise: str) -> dict[str, Step]:
        """It takes over again where an update of the endpoint's stack has put the first model back, that knows nothing.

        Goes on to `Create model` with `$model`, `$registered` and `$verdict`, or ends.

        Args:
            otherwise: the state that a run goes on to which is asked for a new model.
        """
        name = "$states.result.EndpointConfigName"
        return {
            "Anew or again?": Choice(reads=("again",), rules={"{% $again %}": "Which serves?"}, otherwise=otherwise),
            "Which serves?": sagemaker_call(
                "describeEndpoint",
                {"EndpointName": self.endpoint.name},
                assigns={"trained": f"{{% $substring({name}, 0, {len(self.prefix) + 1}) = '{self.prefix}-' %}}"},
            ),
            "Still the champion?": Choice(
                reads=("trained",), rules={"{% $trained %}": "Nothing to do"}, otherwise="Approved ones"
            ),
            **self._newest("Approved ones", "Approved", "Nothing to do"),
            "Approved": self._described(
                {
                    "model": f"{{% {_MODEL_URL} %}}",
                    "registered": "{% $champions[0].ModelPackageArn %}",
                    "verdict": "deployed again",
                },
                "Create model",
            ),
            "Nothing to do": Succeed(),
        }

    def found(self, following: str) -> dict[str, Step]:
        """Finds it, at `$champion`: the URI of its archive, or of a prefix without a model.

        Args:
            following: the state that comes after.
        """
        return {
            **self._newest("Champions", "Champion", "No champion"),
            "Champion": self._described({"champion": f"{{% {_MODEL_URL} %}}"}, following),
            "No champion": keep(self.models, NOTHING, assigns={"champion": self.models.uri(NOTHING)}),
        }

    def _newest(self, name: str, found: str, none: str) -> dict[str, Step]:
        """Asks for the newest approved model, at `$champions`, and goes on to one of two states."""
        newest = {
            "ModelPackageGroupName": self.registry,
            "ModelApprovalStatus": "Approved",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": 1,
        }
        return {
            name: sagemaker_call(
                "listModelPackages", newest, assigns={"champions": "{% $states.result.ModelPackageSummaryList %}"}
            ),
            f"{name}?": Choice(reads=("champions",), rules={"{% $count($champions) > 0 %}": found}, otherwise=none),
        }

    def _described(self, assigns: Mapping[str, str], then: str) -> Step:
        return sagemaker_call(
            "describeModelPackage",
            {"ModelPackageName": "{% $champions[0].ModelPackageArn %}"},
            reads=("champions",),
            assigns=assigns,
            then=then,
        )
