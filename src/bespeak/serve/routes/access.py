"""Signing in to the console with a secret key, and out of it."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.access import Key
from bespeak.errors import KeyMissing, NotAllowed, NotReady
from bespeak.serve import answers
from bespeak.serve.admission import COOKIE, SIGNED_IN_S
from bespeak.serve.endpoint import Endpoint, admission_of
from bespeak.serve.parameters import NoQuery, body, query


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may look."""

    key: str


async def seen(request: Request) -> Response:
    query(request, NoQuery)
    admission = admission_of(request)
    if admission is None or not admission.wanted:
        return answers.reply(answers.Access(False, None, []))
    try:
        return answers.reply(_said(admission.key_of(request)))
    except KeyMissing:
        return answers.reply(_said(None))


async def sign_in(request: Request) -> Response:
    query(request, NoQuery)
    asked, admission = await body(request, SignIn), admission_of(request)
    if admission is None or not admission.wanted:
        raise NotReady(
            "this server asks for no keys", next_step="Make one with `bespeak key create`."
        )
    key = admission.key_named(request, asked.key.strip())
    if "read" not in key.scopes:
        raise NotAllowed(
            "this key does not open the console", expected="a secret key with the scope `read`"
        )
    answer = answers.reply(_said(key))
    answer.set_cookie(
        COOKIE, admission.sign_in(key), max_age=SIGNED_IN_S, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


async def sign_out(request: Request) -> Response:
    query(request, NoQuery)
    answer = answers.reply(_said(None))
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _said(key: Key | None) -> answers.Access:
    if key is None:
        return answers.Access(True, None, [])
    return answers.Access(True, key.name or key.id, list(key.scopes))


ENDPOINTS = (
    Endpoint(
        "/v1/access", seen, answers.Access, "Whether keys are wanted, and what yours opens",
        "Access", opens="anybody",
    ),
    Endpoint(
        "/v1/access/sign-in", sign_in, answers.Access, "Sign in to the console", "Access",
        body=SignIn, method="POST", refusals=(401, 403, 422, 429, 503), opens="anybody",
    ),
    Endpoint(
        "/v1/access/sign-out", sign_out, answers.Access, "Sign out of the console", "Access",
        method="POST", opens="anybody",
    ),
)  # fmt: skip
