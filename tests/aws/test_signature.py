from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoresCredentials
from hypothesis import given
from hypothesis import strategies as st

from antiphon.aws.signature import Credentials, Scope, sign

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SERVICE = Scope("us-east-1", "service")
MOMENT = 1_440_938_160  # 2015-08-30 12:36:00 UTC
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
NAMES = st.from_regex("x-amz-[a-z]{1,12}", fullmatch=True).filter(lambda name: name != "x-amz-date")
MODELS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=40).filter(
    lambda name: name.strip(".")
)
PATHS = st.from_regex("(/[a-z0-9._~-]{1,8}){0,3}", fullmatch=True).filter(lambda path: "/." not in path)


@pytest.mark.parametrize(
    ("headers", "body", "token", "signature"),
    [
        ({}, b"", None, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ({"my-header1": "value1"}, b"", None, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        ({"my-header1": "VALUE1"}, b"", None, "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            None,
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        ({}, b"", TOKEN, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    ],
    ids=["vanilla", "header-key-sort", "header-value-case", "x-www-form-urlencoded", "sts-header-before"],
)
def test_a_post_is_signed_as_in_awss_test_suite(
    headers: dict[str, str], body: bytes, token: str | None, signature: str
) -> None:
    """AWS's "Signature Version 4 test suite", the cases ``post-*``."""
    headers = {"host": "example.amazonaws.com", **headers}
    signed = sign(EXAMPLE._replace(token=token), SERVICE, "/", headers, body, MOMENT)
    names = ";".join(sorted({*headers, "x-amz-date", *(["x-amz-security-token"] if token else [])}))
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@given(
    st.builds(Credentials, VALUES, VALUES, st.none() | VALUES),
    st.builds(Scope, st.sampled_from(["eu-central-1", "us-gov-west-1"]), st.sampled_from(["dynamodb", "sts"])),
    PATHS.map(lambda path: path or "/") | MODELS.map(lambda name: f"/model/{quote(name, '')}/converse-stream"),
    st.dictionaries(NAMES, VALUES | st.just("two  words"), max_size=4),
    st.binary(max_size=100),
    st.integers(0, 4_000_000_000),
    st.sampled_from(["POST", "GET", "DELETE"]),
    st.sampled_from(["", "b=2&a=1", "a=%20%2F&a=", "q=a%3Db~c"]),
)
def test_whatever_is_sent_is_signed_as_botocore_signs_it(
    credentials: Credentials,
    scope: Scope,
    path: str,
    headers: dict[str, str],
    body: bytes,
    now: int,
    method: str,
    query: str,
) -> None:
    headers = {name: value for name, value in headers.items() if name != "x-amz-security-token"}
    signed = sign(
        credentials, scope, path, {"host": "h.example:8000", **headers}, body, now, method=method, query=query
    )
    request = AWSRequest(method, f"https://h.example:8000{path}" + (f"?{query}" if query else ""), headers, body)
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: moment)
        auth.SigV4Auth(BotocoresCredentials(*credentials), scope.service, scope.region).add_auth(request)
    assert signed == {"host": "h.example:8000"} | {name.lower(): value for name, value in request.headers.items()}
