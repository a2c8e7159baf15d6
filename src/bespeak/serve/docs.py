"""The API's own documentation, as a page: what /openapi.json says, for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

PAGES = Path(__file__).parent / "pages"


def page(openapi: dict[str, Any]) -> str:
    """The page as HTML, everything in it escaped."""
    pages = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    schemas = openapi["components"]["schemas"]
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    return pages.get_template("docs.html").render(
        info=openapi["info"],
        tags=list(dict.fromkeys(operation["tags"][0] for operation in operations)),
        operations=operations,
        schemas=schemas,
        kind=kind,
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )


def kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: `integer 1–1000`, `list of Offered`, `text or null`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    name = schema.get("type", "anything")
    if name == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if name == "object":
        inner = schema.get("additionalProperties")
        return f"text → {kind(inner)}" if isinstance(inner, dict) else "object"
    if schema.get("format"):
        return str(schema["format"])
    if "minimum" in schema and "maximum" in schema:
        return f"{name} {schema['minimum']}–{schema['maximum']}"
    return {"string": "text"}.get(str(name), str(name))


def respond(html: str) -> Response:
    return HTMLResponse(html, headers={"cache-control": "no-cache"})
