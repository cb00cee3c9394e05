"""JSON Schema (draft 2020-12) of what is sent: other rules for a client than for a server."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Schema = dict[str, Any]
UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


class Asked(GenerateJsonSchema):
    """What a client may send."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A title that repeats the name of its field tells nothing."""
        return False

    def uuid_schema(self, schema: core_schema.UuidSchema) -> JsonSchemaValue:
        plain: Schema = {"type": "string", "format": "uuid"}
        return plain | ({"pattern": UUID7} if schema.get("version") == 7 else {})


class Told(Asked):
    """What a server sends: a field without a value is left out, never null; all others are there,
    whether the model has a default for them or not.
    """

    def field_is_required(self, field: Any, total: bool) -> bool:
        return field["schema"].get("default", 0) is not None

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", 0) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)
