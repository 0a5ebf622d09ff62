"""Broken scenario files: at least 10,000 of them give a ScenarioError or a valid scenario, nothing else, and soon."""

from __future__ import annotations

import random
import time
import tomllib

import pytest
import tomli_w

from valign.model.scenario.scenario import SHIPPED, Scenario, ScenarioError, scenario_names
from valign.model.state.scenario_arrays import lower

TEXTS = [(SHIPPED / f"{name}.toml").read_text("utf-8") for name in scenario_names()]
NONSENSE: tuple = (
    -1,
    0,
    1,
    10**12,
    10**30,
    -(2**63),
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    False,
    "",
    "x",
    "\u2028",
    "a.b",
    "../x",
    "staff",
    [],
    [1],
    [[]],
    [{}],
    {},
    {"x": 1},
    {"client_agency": "0.5"},
    {"": {"": {}}},
    "9" * 400,
)
CASES, BATCH = 12_000, 2_000


def places(node, path=()):
    """All paths into nested tables and arrays."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def parent_of(raw, path):
    for key in path[:-1]:
        raw = raw[key]
    return raw


def mutate_value(rng: random.Random, raw: dict) -> None:
    """Replace, delete, rename, add or swap something, somewhere."""
    paths = list(places(raw))
    path = rng.choice(paths)
    parent, key = parent_of(raw, path), path[-1]
    what = rng.randrange(6)
    if what <= 1:
        parent[key] = rng.choice(NONSENSE)
    elif what == 2:
        del parent[key]
    elif what == 3 and isinstance(parent, dict):
        parent[rng.choice([str(key) + "x", str(key)[1:], "", "parameters", str(key).upper(), "é"])] = parent.pop(key)
    elif what == 4 and isinstance(parent, list):
        parent.append(parent[key])
    else:
        other = rng.choice(paths)
        value = parent_of(raw, other)[other[-1]]
        if not isinstance(value, (dict, list)):
            parent[key] = value


def mutate_text(rng: random.Random, text: str) -> str:
    """Damage characters and lines."""
    for _ in range(rng.randint(1, 4)):
        at, what = rng.randrange(len(text)), rng.randrange(5)
        if what == 0:
            text = text[:at] + rng.choice("[]{}=\"'\n.#,\\\0é-9e") + text[at:]
        elif what == 1:
            text = text[:at] + text[at + rng.randint(1, 20) :]
        elif what == 2:
            lines = text.split("\n")
            rng.shuffle(lines)
            text = "\n".join(lines)
        elif what == 3:
            lines = text.split("\n")
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "\n".join(lines)
        else:
            text = text[:at]
        if not text:
            return "x"
    return text


def mutant(rng: random.Random) -> str:
    text = rng.choice(TEXTS)
    if rng.random() < 0.35:
        return mutate_text(rng, text)
    raw = tomllib.loads(text)
    for _ in range(rng.randint(1, 4)):
        mutate_value(rng, raw)
    try:
        return tomli_w.dumps(raw)
    except (TypeError, ValueError, AttributeError):
        return mutate_text(rng, text)


@pytest.mark.parametrize("first", range(0, CASES, BATCH))
def test_mutants(first):
    begun, valid, refused = time.monotonic(), 0, 0
    for seed in range(first, first + BATCH):
        text = mutant(random.Random(seed))
        scenario, problems = None, []
        try:
            scenario = Scenario.from_toml(text, where="mutant.toml")
        except ScenarioError as error:
            problems = error.problems
        refused += scenario is None
        assert (scenario is None) == bool(problems), seed
        assert all(problem.startswith("mutant.toml: ") and len(problem) < 1500 for problem in problems), seed
        if scenario is not None:
            valid += 1
            assert Scenario.from_mapping(scenario.to_mapping()) == scenario, seed
            if scenario.people() < 10**6:
                lower(scenario)
    assert valid > 50  # some damage does no harm
    assert refused > BATCH / 2
    assert time.monotonic() - begun < 300


@pytest.mark.parametrize(
    "text", ["", "\0", "[" * 5000, "a = " + "[" * 3000 + "]" * 3000, "a." * 3000 + "b = 1", "x = 1\n" * 2]
)
def test_odd_files(text):
    with pytest.raises(ScenarioError):
        Scenario.from_toml(text)
