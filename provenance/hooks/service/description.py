"""The description of the interface (OpenAPI 3.1), made from the table and its types."""

import re
import types
from collections.abc import Iterable
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from provenance.hooks.message import Medium
from provenance.hooks.service.operation import Form, Operation
from provenance.hooks.service.problem import MEDIA_TYPE, Document
from provenance.record import Record
from provenance.version import __version__

JSON: Final = "application/json"
REF: Final = "#/components/schemas/{name}"
MEANT: Final = {("Decision", "record"): Record, ("Message", "media"): list[Medium]}
"""Struct and key of what is taken or given as it is → what it is meant to be."""
WORD: Final = re.compile(r"\w+")
PART: Final = re.compile(r"\{(\w+)\}")


def described(operations: Iterable[Operation], *, tokens: bool) -> dict[str, Any]:
    """Return the description of what is answered.

    Args:
        operations: the table.
        tokens: whether a token is asked for.
    """
    shown = [operation for operation in operations if not operation.hidden]
    schemas = _Schemas(
        [Document, *MEANT.values(), *(each for one in shown for each in _types(one))]
    )
    paths = dict[str, dict[str, Any]]()
    for operation in shown:
        said = _operation(operation, schemas, tokens=tokens and not operation.open)
        paths.setdefault(operation.path, {})[operation.method.lower()] = said
    secured = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "provenance",
            "summary": "Where a picture, a text or a post comes from, with the evidence",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas.components}
        | ({"securitySchemes": secured} if tokens else {}),
    }


class _Schemas:
    """JSON Schemas of types, by reference to one list of components."""

    def __init__(self, wanted: Iterable[Any]) -> None:
        self._wanted = list[Any]()
        for kind in wanted:
            if kind not in self._wanted:
                self._wanted.append(kind)
        self._made, self.components = msgspec.json.schema_components(self._wanted, ref_template=REF)
        for (owner, key), kind in MEANT.items():
            self.components[owner]["properties"][key] = self.of(kind)

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type."""
        every = _alternatives(kind)
        if len(every) > 1:
            return {"anyOf": [self.of(each) for each in every]}
        return self._made[self._wanted.index(kind)]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (types.UnionType, Union) else (kind,)


def _types(operation: Operation) -> list[Any]:
    """Return the types of JSON that an operation takes and gives."""
    named = [*operation.takes.values(), *operation.gives.values()]
    every = [each for kind in named for each in _alternatives(kind)]
    return [each for each in every if each is not bytes and not isinstance(each, str | Form)]


def _operation(operation: Operation, schemas: _Schemas, *, tokens: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": "_".join([operation.method.lower(), *WORD.findall(operation.path)]),
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
              for name in PART.findall(operation.path)),
            *({"name": name, "in": "query", "schema": {"type": "string"}}
              for name in operation.asks),
        ],
        "responses": {
            **{str(status): _answer(kind, schemas) for status, kind in operation.gives.items()},
            "default": {
                "description": "What is amiss",
                "content": {MEDIA_TYPE: {"schema": schemas.of(Document)}},
            },
        },
    }  # fmt: skip
    if operation.takes:
        content = {name: _body(kind, schemas) for name, kind in operation.takes.items()}
        said["requestBody"] = {"required": True, "content": content}
    if tokens:
        said["security"] = [{"bearer": []}, {"basic": []}]
    return said


def _answer(kind: Any, schemas: _Schemas) -> dict[str, Any]:
    """Return what is told of an answer: of JSON, of another media type, or without a body."""
    if kind is None:
        return {"description": "Nothing more"}
    if isinstance(kind, str):
        return {"description": "The answer", "content": {kind: {"schema": {"type": "string"}}}}
    return {"description": "The answer", "content": {JSON: {"schema": schemas.of(kind)}}}


def _body(kind: Any, schemas: _Schemas) -> dict[str, Any]:
    """Return what is told of a body: bytes as they are, a form, or JSON of a type."""
    if kind is bytes:
        return {}
    if isinstance(kind, Form):
        file: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
        files = {"type": "array", "items": file, "minItems": 1} if kind.many else file
        schema = {"type": "object", "properties": {kind.field: files}, "required": [kind.field]}
        return {"schema": schema}
    return {"schema": schemas.of(kind)}
