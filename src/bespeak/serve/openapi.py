"""The OpenAPI document, made from the endpoints' own types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec

from bespeak import __version__
from bespeak.serve.admission import CUSTOMER
from bespeak.serve.answers import Refusal
from bespeak.serve.endpoint import Endpoint

REFERENCE = "#/components/schemas/{name}"


SCHEMES = MappingProxyType(
    {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A secret key with the scope that the operation names, or, where it"
            " says so, a public key.",
        },
        "customer": {
            "type": "apiKey",
            "in": "header",
            "name": CUSTOMER,
            "description": "Beside a public key: a JSON Web Token (HS256) for one customer, signed"
            " on the shop's own server.",
        },
    }
)
OPENS = MappingProxyType(
    {
        "anybody": "No key.",
        "visitor": "A public key, or a secret key with the scope `{scope}`.",
        "customer": "A public key with the customer's token, or a secret key with the scope"
        " `{scope}`.",
        "secret": "A secret key with the scope `{scope}`.",
    }
)


AMOUNT = MappingProxyType(
    {
        "type": ["number", "string"],
        "minimum": 0,
        "exclusiveMaximum": 10**14,
        "pattern": "^[0-9]{1,14}([.][0-9]{1,20})?$",
    }
)
"""What is taken for money: a number, or a decimal text, which no sender's floats can round."""


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1 of `endpoints`."""
    known = list(endpoints)
    bodies = [endpoint.body for endpoint in known if endpoint.body is not None]
    types = [*(endpoint.answer for endpoint in known), *bodies, Refusal]
    _, schemas = msgspec.json.schema_components(types, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in known:
        paths.setdefault(shown(endpoint.path), {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bespeak",
            "version": __version__,
            "description": "What a workspace knows of its customers, and what to offer them. Times"
            " are UTC; money is in the workspace's currency; what is undefined is null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _with_amounts(schemas), "securitySchemes": dict(SCHEMES)},
    }


def _with_amounts(schema: Any) -> Any:
    """The schema, where decimals are what is taken for them, not the text alone."""
    if isinstance(schema, dict):
        inner = {name: _with_amounts(one) for name, one in schema.items() if name != "format"}
        kind = schema.get("format")
        return inner | (AMOUNT if kind == "decimal" else {} if kind is None else {"format": kind})
    return [_with_amounts(one) for one in schema] if isinstance(schema, list) else schema


def shown(path: str) -> str:
    """A path as people write it, without what tells the router how to match."""
    return path.replace(":path}", "}")


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "description": OPENS[endpoint.opens].format(scope=endpoint.scope),
        "security": _security(endpoint),
        "operationId": _identifier(endpoint),
        "tags": [endpoint.tag],
        "parameters": [*_in_path(endpoint), *_in_query(endpoint)],
        "responses": {
            str(endpoint.status): _content("The answer", endpoint.answer),
            **{
                str(status): _content(HTTPStatus(status).phrase, Refusal)
                for status in sorted({*endpoint.refusals, *_refused(endpoint)})
            },
            **_too_long(endpoint),
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True, "content": {"application/json": {"schema": _pointer(endpoint.body)}}
        }  # fmt: skip
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.opens == "anybody":
        return []
    key: dict[str, list[str]] = {"key": []}
    return [key, {**key, "customer": []}] if endpoint.opens == "customer" else [key]


def _refused(endpoint: Endpoint) -> set[int]:
    """How one who may not is answered."""
    return set() if endpoint.opens == "anybody" else {401, 403, 429}


def _too_long(endpoint: Endpoint) -> dict[str, Any]:
    """What no application sees: the address ends the request before it is read."""
    if not msgspec.structs.fields(endpoint.query):
        return {}
    return {"414": {"description": "The address, with its parameters, is longer than 64 KiB."}}


def _identifier(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z]+", endpoint.path.replace(":path", ""))
    return "_".join([endpoint.method.lower(), *words])


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::path)?}", endpoint.path)
    ]


def _in_query(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Each field of the query's type as a parameter, its description moved up to there."""
    _, schemas = msgspec.json.schema_components([endpoint.query], ref_template=REFERENCE)
    found = []
    for name, schema in schemas[endpoint.query.__name__]["properties"].items():
        rest = {key: value for key, value in schema.items() if key != "description"}
        parameter = {"name": name, "in": "query", "required": False, "schema": rest}
        if "description" in schema:
            parameter["description"] = schema["description"]
        found.append(parameter)
    return found


def _content(description: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": _pointer(kind)}},
    }


def _pointer(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name=kind.__name__)}
