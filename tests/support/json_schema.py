"""The published JSON Schema, held to more than it says: today no object has a key that it does not name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PUBLISHED = json.loads((Path(__file__).parents[2] / "docs" / "json-schema.json").read_text())
COMMON = {*PUBLISHED["required"]}


def _pinned(schema: Any) -> Any:
    """The same schema, in which objects have no other keys than those described."""
    if isinstance(schema, list):
        return [_pinned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _pinned(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made["additionalProperties"] = False
    return made


_VALIDATOR = Draft202012Validator(_pinned(PUBLISHED))


def check(envelope: dict[str, Any]) -> None:
    """The test fails where the object is not what the schema says, naming the place."""
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in _VALIDATOR.iter_errors(envelope)]
    assert errors == [], "\n".join(errors)
