"""The champion: the newest approved model whose features this release computes. A candidate is compared with it, and it serves
again where a deployment has changed what serves or what is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stacks.constructs.endpoint import Endpoint
from stacks.constructs.promotion import FUNCTION_RETRIES, ON_THE_WAY, POLL_S, tell
from stacks.constructs.state_machine import STACK_UPDATED, keep, sagemaker_call
from stacks.constructs.steps import Choice, Step, Succeed, Task, Wait
from stacks.constructs.storage import Store

AGAIN = f"{{% $lookup($states.input, 'detail-type') = '{STACK_UPDATED}' or $states.input.redeploy = true %}}"
"""Whether a run looks which model is to serve rather than training one: after an update of a stack, or by hand."""
NOTHING = "none/"
"""Prefix of the models bucket that holds no model: what is mounted where there is no champion yet."""
_FOUND = "$states.result.Payload"


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The steps that have to do with it.

    Attributes:
        function_arn: the function that knows it.
        endpoint: serves it.
        prefix: what the names of its models and configurations begin with; a run's own follows.
        models: the bucket of models.
        bus: the name of the bus that is told which model serves.
    """

    function_arn: str
    endpoint: Endpoint
    prefix: str
    models: Store
    bus: str

    def again(self, otherwise: str) -> dict[str, Step]:
        """It takes over where another model serves.

        That is so where a deployment has put the first model back, that knows nothing; where the release does not compute all
        that the serving model takes; and where it computes what a newer one takes. It takes over from itself where it serves with
        a shadow.

        Goes on to `Create model` with `$model`, `$registered`, `$verdict` and `$sentence`, or ends.

        Args:
            otherwise: the state that a run goes on to which is asked for a new model.
        """
        name = "$states.result.EndpointConfigName"
        of_training = f"$substring({name}, 0, {len(self.prefix) + 1}) = '{self.prefix}-'"
        return {
            "Anew or again?": Choice(reads=("again",), rules={"{% $again %}": "Which serves?"}, otherwise=otherwise),
            "Which serves?": sagemaker_call(
                "describeEndpoint",
                {"EndpointName": self.endpoint.name},
                assigns={
                    "status": "{% $states.result.EndpointStatus %}",
                    "configuration": f"{{% {of_training} ? {name} : null %}}",
                    "shadowed": "{% $count($states.result.ShadowProductionVariants) > 0 %}",
                },
            ),
            # another run brings a model behind it, and the endpoint takes no second one meanwhile
            "Settled?": Choice(
                reads=("status",), rules={ON_THE_WAY: "Until it has settled"}, otherwise="Which is to serve?"
            ),
            "Until it has settled": Wait(seconds=POLL_S, then="Which serves?"),
            "Which is to serve?": self._asked(
                {"configuration": "{% $configuration %}"},
                reads=("configuration",),
                assigns={"found": f"{{% {_FOUND} %}}", "sentence": f"{{% {_FOUND}.sentence %}}"},
            ),
            "Another one?": Choice(
                reads=("found", "shadowed"),
                # a shadow that a run left behind which was stopped goes with the configuration that it stands in
                rules={"{% $found.another or ($shadowed and $found.model != null) %}": "Take over"},
                otherwise="Tell that it stays",
            ),
            "Tell that it stays": tell(self.bus),
            "Nothing to do": Succeed(),
            "Take over": Step(
                reads=("found",),
                assigns={
                    "model": "{% $found.model %}",
                    "registered": "{% $found.package %}",
                    "verdict": "deployed again",
                },
                then="Create model",
            ),
        }

    def found(self) -> dict[str, Step]:
        """Finds it: at `$champion` the URI of its archive, or of a prefix without a model; at `$standing` its package or null."""
        return {
            "Keep no champion": keep(self.models, NOTHING),
            "Champion": self._asked(
                {},
                assigns={
                    "champion": f"{{% {_FOUND}.model ? {_FOUND}.model : '{self.models.uri(NOTHING)}' %}}",
                    "standing": f"{{% {_FOUND}.package %}}",
                },
            ),
        }

    def _asked(self, event: Mapping[str, str], *, reads: Sequence[str] = (), assigns: Mapping[str, str]) -> Task:
        return Task(
            resource="lambda:invoke",
            arguments={"FunctionName": self.function_arn, "Payload": dict(event)},
            reads=reads,
            assigns=assigns,
            retry=FUNCTION_RETRIES,
        )
