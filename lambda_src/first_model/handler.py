"""Puts the endpoint's first model where it stays, whatever later releases bring.

Properties: `From` and `To`, each {"Bucket": NAME, "Key": KEY}.

Each release brings an archive of its own, under a name of its own. Were the endpoint's model to follow it, a deployment would put
a model that knows nothing in place of the one that serves. So the archive is copied when the endpoint is made, then never again;
the template names the copy. It goes with the bucket.
"""

from __future__ import annotations

from lambda_src.custom_resource import Request, custom_resource
from lambda_src.first_model.environment import Environment
from lambda_src.ports.clients import client
from lambda_src.telemetry import LambdaContext

environment = Environment.read()
s3 = client("s3", timeout_s=30)


@custom_resource("first-model")
def handler(request: Request, _: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    if request["RequestType"] == "Create":
        properties = request["ResourceProperties"]
        s3.copy_object(CopySource=properties["From"], **properties["To"])
    return {}
