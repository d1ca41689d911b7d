"""The table of the API in the words of OpenAPI 3.1."""

from __future__ import annotations

import json
import re
from typing import Any

from outpour.web.api.answer_schema import SCHEMAS
from outpour.web.api.api_table import ENDPOINTS
from outpour.web.api.endpoint import JSON, Answer, Endpoint
from outpour.web.api.problem import KINDS, MEDIA_TYPE

Object = dict[str, Any]

HEADERS: dict[str, Object] = {
    "ETag": {
        "description": "Names this state of the answer, for `If-None-Match`.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where the new one is shown.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {"description": "How to be let in.", "schema": {"type": "string"}},
}


def document() -> Object:
    """The whole document; version and server are filled in by whoever serves it."""
    paths: dict[str, Object] = {}
    for endpoint in ENDPOINTS:
        path = re.sub(r":\w+}", "}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "outpour",
            "version": "0",
            "description": "What a tracker lists, and who has it. Reading needs no key and no "
            "cookie, where the operator does not ask for one; what changes something needs the "
            "administrator's token. A parameter that is not described is refused.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": HEADERS,
            "securitySchemes": {
                "administrator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in the tracker's `admin_token_file`.",
                }
            },
        },
    }


def document_json() -> str:
    """The document as it lies in the package."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _operation(endpoint: Endpoint) -> Object:
    about: Object = {"operationId": endpoint.name, "summary": endpoint.summary}
    if endpoint.description:
        about["description"] = endpoint.description
    if endpoint.is_admin:
        about["security"] = [{"administrator": []}]
    if endpoint.parameters:
        about["parameters"] = [one.described() for one in endpoint.parameters]
    if endpoint.body is not None:
        content: Object = {JSON: {"schema": dict(endpoint.body.schema)}}
        content |= {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in endpoint.body.other
        }
        about["requestBody"] = {"required": endpoint.body.is_required, "content": content}
    about["responses"] = _responses(endpoint)
    return about


def _responses(endpoint: Endpoint) -> Object:
    found: Object = {
        str(status): _answer(endpoint, status, one) for status, one in endpoint.answers.items()
    }
    if endpoint.is_kept:
        found["304"] = {
            "description": "The visitor holds this answer already.",
            "headers": {"ETag": _header("ETag")},
        }
    names = ["unknown-parameter", "wrong-parameter", *endpoint.problems]
    if endpoint.is_admin:
        names += ["needs-token", "off", "too-often"]
    if endpoint.body is not None:
        names += ["wrong-body", "too-long"]
        names += ["wrong-type"] if endpoint.body.other else []
    by_status: dict[int, list[str]] = {}
    for name in dict.fromkeys(names):
        by_status.setdefault(KINDS[name].status, []).append(name)
    for status in sorted(by_status):
        found[str(status)] = _problem(status, by_status[status])
    return found


def _answer(endpoint: Endpoint, status: int, answer: Answer) -> Object:
    about: Object = {"description": answer.description}
    names = {200: ["ETag"] if endpoint.is_kept else [], 201: ["Location"]}.get(status, [])
    if endpoint.method == "PUT":
        names = []
    if names:
        about["headers"] = {name: _header(name) for name in names}
    schema: Object = {"type": "object"}
    if answer.schema is not None:
        refs = [{"$ref": f"#/components/schemas/{one}"} for one in answer.schema.split(" or ")]
        schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {**about, "content": {answer.media_type: {"schema": schema}}}


def _problem(status: int, names: list[str]) -> Object:
    about: Object = {"description": "; ".join(f"{KINDS[name].title} (`{name}`)" for name in names)}
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    if status == 401 or status == 429:
        about["headers"] = {headers[status]: _header(headers[status])}
    ref = {"$ref": "#/components/schemas/Problem"}
    return {**about, "content": {MEDIA_TYPE: {"schema": ref}}}


def _header(name: str) -> Object:
    return {"$ref": f"#/components/headers/{name}"}
