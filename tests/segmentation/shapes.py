"""The shapes that the four endpoints promise, a small strict checker of them, and asking."""

import json

import pytest

DISTRIBUTION, IMPORTANCE = "/api/cluster_distribution", "/api/feature_importance"
PROFILES, DETAILS = "/api/cluster_profiles", "/api/segment_details"
FOUR = (DISTRIBUTION, IMPORTANCE, PROFILES, DETAILS)
MOST_POINTS = 2_000

# A JSON Schema's few words that these shapes need; every key is required and no other is allowed.
NUMBER, TEXT = {"type": "number"}, {"type": "string"}
UNKNOWN_OR_NUMBER = {"type": ["number", "null"]}


def one(**properties):
    return {"type": "object", "properties": properties}


def many(items, **bounds):
    return {"type": "array", "items": items, **bounds}


ROWS = many(many(UNKNOWN_OR_NUMBER))
SCHEMAS = {
    DISTRIBUTION: one(data=one(values=many({"type": "integer"}), labels=many(TEXT), type={"type": "string", "enum": ["pie"]})),
    IMPORTANCE: one(
        data=many(
            one(
                feature=TEXT,
                values=many(NUMBER, most=MOST_POINTS),
                segments=many(TEXT, most=MOST_POINTS),
                importance={"type": "number", "low": 0, "high": 1},
            )
        )
    ),
    PROFILES: one(data=one(profiles=ROWS, features=many(TEXT), segments=many(TEXT), scaled=ROWS)),
    DETAILS: {
        "type": "object",
        "additional": one(
            size={"type": "integer"},
            percentage={"type": "float"},
            mean_values={"type": "object", "additional": UNKNOWN_OR_NUMBER},
            offer=TEXT,
        ),
    },
}  # fmt: skip
EMPTY = {
    DISTRIBUTION: {"data": {"values": [], "labels": [], "type": "pie"}},
    IMPORTANCE: {"data": []},
    PROFILES: {"data": {"profiles": [], "features": [], "segments": [], "scaled": []}},
    DETAILS: {},
}
_TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "float": lambda v: isinstance(v, float),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "null": lambda v: v is None,
}


def check(value, schema, path="$"):
    """Fail where the value is not of the schema, naming the place."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(_TYPES[name](value) for name in types), f"{path}: {value!r} is no {types}"
    assert value in schema.get("enum", [value]), path
    if isinstance(value, int | float):
        assert schema.get("low", value) <= value <= schema.get("high", value), path
    if isinstance(value, list):
        assert len(value) <= schema.get("most", len(value)), path
        for place, item in enumerate(value):
            check(item, schema["items"], f"{path}[{place}]")
    if isinstance(value, dict):
        if "properties" in schema:
            assert set(value) == set(schema["properties"]), f"{path}: {sorted(value)}"
        for name, item in value.items():
            check(item, schema.get("properties", {}).get(name) or schema["additional"], f"{path}.{name}")


def ask(client, address: str):
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    return json.loads(answer.content, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
