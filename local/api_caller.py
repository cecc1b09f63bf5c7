"""A caller of the application's scoring API: where it is on the emulated AWS, and signed requests to it."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

JSON = {"Content-Type": "application/json"}
ANSWER_TIMEOUT_S = 35
"""Beyond the gateway's own 29 seconds, so that it is the gateway that gives up."""


def emulated_url(endpoint: str, api_url: str) -> str:
    """Where the emulated AWS answers for an API.

    Args:
        endpoint: of the emulated AWS.
        api_url: the stack's output `ApiUrl`.

    >>> emulated_url("http://127.0.0.1:9", "https://abc123.execute-api.us-east-1.amazonaws.com/live/")
    'http://127.0.0.1:9/_aws/execute-api/abc123/live'
    """
    _, _, host, stage = api_url.rstrip("/").split("/")
    return f"{endpoint}/_aws/execute-api/{host.split('.')[0]}/{stage}"


class ApiCaller:
    """Calls the API for whoever has the credentials. Safe with several threads.

    Args:
        url: of the API's stage, without a slash at its end.
        credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN of a session.
        at_once: connections that are kept.
    """

    def __init__(self, url: str, credentials: Mapping[str, str], region: str, *, at_once: int = 10) -> None:
        self.url, self._region = url, region
        self._known = Credentials(
            credentials["AWS_ACCESS_KEY_ID"],
            credentials["AWS_SECRET_ACCESS_KEY"],
            credentials.get("AWS_SESSION_TOKEN"),
        )
        self._session = URLLib3Session(timeout=ANSWER_TIMEOUT_S, max_pool_connections=at_once)

    def post(self, path: str, body: bytes) -> tuple[int, str]:
        """The status and the text of an answer.

        Args:
            path: as `/v1/score`.

        Raises:
            botocore.exceptions.HTTPClientError: there was none.
        """
        asked = AWSRequest("POST", self.url + path, data=body, headers=JSON)
        SigV4Auth(self._known, "execute-api", self._region).add_auth(asked)
        answer = self._session.send(asked.prepare())
        return int(answer.status_code), str(answer.text)
