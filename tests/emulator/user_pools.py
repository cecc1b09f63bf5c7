"""User pools of the emulated Cognito, the tokens of their users, and tokens that nobody was given."""

from __future__ import annotations

import base64
import json
import secrets
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from emulator.process import EmulatedAws


class UserPool:
    """A user pool with one client and one user, who has signed in."""

    def __init__(self, aws: EmulatedAws, name: str) -> None:
        cognito = aws.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName=name)["UserPool"]
        self.id, self.arn = str(pool["Id"]), str(pool["Arn"])
        # where MiniStack keeps what it signs with
        self._kept = aws.folder / "tmp" / "state" / "cognito-pool-keys" / f"{self.id}-id.pem"
        client = cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName="callers", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        password = f"A1-{secrets.token_hex(8)}"
        cognito.admin_create_user(UserPoolId=self.id, Username="ann", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=self.id, Username="ann", Password=password, Permanent=True)
        self.tokens: dict[str, str] = cognito.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ann", "PASSWORD": password},
        )["AuthenticationResult"]

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """What the pool signs identity tokens with."""
        key = serialization.load_pem_private_key(self._kept.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def claimed(self, **changes: Any) -> str:
        """The user's identity token with other claims, and the signature that it had."""
        head, body, signature = self.tokens["IdToken"].split(".")
        claims = {**json.loads(_decoded(body)), **changes}
        return f"{head}.{_encoded(json.dumps(claims).encode())}.{signature}"

    def signed(self, key: rsa.RSAPrivateKey, **changes: Any) -> str:
        """The user's identity token with other claims, signed with a key, which it says is the pool's."""
        signs = self.claimed(**changes).rpartition(".")[0]
        return f"{signs}.{_encoded(key.sign(signs.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def other_key() -> rsa.RSAPrivateKey:
    """A key that no pool has."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
