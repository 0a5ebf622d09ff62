"""Content hashes of what the model simulates, to the last bit: `bits.json` holds those of the second edition, and
`first` among its cases what the first edition gave, which the second still gives where it is told to (`first_edition`).

`python -m tests.reference.bits --check` says which cases differ, `--write` makes the file anew. Only what is simulated
is hashed: intervals, indices and verdicts pass through BLAS, whose bits differ between processors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

import valign as va  # the public interface alone, so that modules may move

FILE = Path(__file__).with_suffix(".json")
RANDOM = 60
STAGES = ("outside", "piloting", "commissioned", "sustained")
# Steps so likely, and terms so short, that a year or two see whole histories.
LIVELY = {
    "base_staff": (-2, 0.5), "base_manager": (-2, 0.5), "base_peer": (-2, 0.5), "adoption_base": (-2.5, -0.5),
    "lapse_base": (-3, -1), "reengage_base": (-3, -1), "restart": (-2, 0), "abandon_within": (-4, -2),
    "initial_awareness": (0.2, 0.8), "turnover_staff": (0.3, 0.9),
    "turnover_manager": (0.2, 0.8), "pilot_months": (2, 6), "contract_months": (2, 8), "round_months": (1, 5),
    "emergent_months": (1, 4), "coproduction_intensity": (0.2, 0.8), "design_coproduction": (0, 0.5),
    "reservation": (-1, 0.3),
}  # fmt: skip

Tables = dict[str, pd.DataFrame]
T = TypeVar("T")


# --- sixty random scenarios ------------------------------------------------------------------------------------------
def share(*name: object) -> float:
    """A number in [0, 1) that depends on its name alone: one more asked for changes none of the others."""
    return random.Random(" ".join(map(str, name))).random()


def among(options: Sequence[T], *name: object) -> T:
    return options[int(share(*name) * len(options))]


def whole(low: int, high: int, *name: object) -> int:
    return among(range(low, high + 1), *name)


def parameter_value(parameter: dict[str, Any], *name: object) -> float:
    """A value in the plausible range, or in that of `LIVELY`."""
    low, high = LIVELY.get(parameter["name"], (parameter["low"], parameter["high"]))
    if parameter["integer"]:
        return float(whole(round(low), round(high), *name))
    return round(low + share(*name) * (high - low), 4)


def random_values(dimensions: list[str], *name: object) -> dict[str, float]:
    return {dimension: round(share(*name, dimension), 3) for dimension in dimensions}


def random_group(number: int, g: int, profiles: list[str]) -> dict[str, Any]:
    name = (number, "group", g)
    profile = {f"{who}_profile": among(profiles, *name, who) for who in ("staff", "manager", "peer", "client")}
    return profile | {
        "name": f"group-{'abc'[g]}", "count": whole(1, 3, *name, "count"), "staff": whole(3, 8, *name, "staff"),
        "managers": whole(0, 2, *name, "managers"), "peers": whole(0, 3, *name, "peers"),
        "stage": among(STAGES, *name, "stage"),
    }  # fmt: skip


def random_change(
    number: int, c: int, months: int, groups: list[str], profiles: list[str], parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    name = (number, "change", c)
    if c == 0 and number % 5 == 0:  # the one parameter of which a change moves alignment at once
        return {"month": whole(1, months, *name, "month"), "parameter": "projection", "set": 0.4}
    local = share(*name, "local") < 0.5
    change: dict[str, Any] = {"month": whole(1, months, *name, "month")}
    if local:
        change["organisations"] = [among(groups, *name, "where")]
    if share(*name, "leader") < 0.3:
        return change | {"event": "new_leader", "profile": among(profiles, *name, "profile")}
    scopes = ("organisation",) if local else ("run", "organisation")
    parameter = among([each for each in parameters if each["scope"] in scopes], *name, "parameter")
    change["parameter"] = parameter["name"]
    if share(*name, "set") < 0.6:
        return change | {"set": parameter_value(parameter, *name, "value")}
    return change | {"scale": round(0.2 + 1.8 * share(*name, "value"), 3)}


def random_settings(
    number: int, groups: list[str], parameters: list[dict[str, Any]], mechanisms: list[str]
) -> dict[str, Any]:
    """Parameters, of groups of services too, and switches. The first scenarios are without one mechanism each."""
    if number < len(mechanisms):
        off = [mechanisms[number]]
    else:
        off = [each for each in mechanisms if number % 2 and share(number, each) < 0.25]
    settings: dict[str, Any] = {f"mechanisms.{each}": False for each in off}
    some = 0.2 + 0.6 * share(number, "some")
    for each in parameters:
        if each["name"] in LIVELY or share(number, each["name"], "given") < some:
            settings[each["name"]] = parameter_value(each, number, each["name"])
        for group in groups if each["scope"] == "organisation" else ():
            if share(number, group, each["name"], "given") < 0.15:
                settings[f"organisations.{group}.{each['name']}"] = parameter_value(each, number, group, each["name"])
    return settings


def random_scenario(number: int, first: bool = False, count: int = 0) -> va.Scenario:
    """A small scenario, the same whenever it is made; first: as the first edition had it; count: of dimensions."""
    parameters = sorted(va.parameters().to_dict("records"), key=lambda each: each["name"])
    mechanisms = list(va.Scenario.load("two-services").mechanisms)
    if first:
        parameters = [{**each, **OLD_RANGES.get(each["name"], {})} for each in parameters if each["name"] not in NEW]
        mechanisms.remove("sensemaking")
    months = whole(12, 24, number, "months")
    dimensions = [f"dimension-{k}" for k in range(count or whole(1, 8, number, "dimensions"))]
    profiles = [f"profile-{each}" for each in "abcd"]
    emphasis = {dimension: whole(1, 4, number, "emphasis", dimension) for dimension in dimensions}
    organisations = [random_group(number, g, profiles) for g in range(whole(1, 3, number, "groups"))]
    groups = [each["name"] for each in organisations]
    correlation = round(1.6 * share(number, "correlation") - 0.8, 2)
    roles = (["staff"], ["staff", "manager", "peer"], ["staff", "peer", "commissioner"])
    plain = va.Scenario.from_mapping({
        "name": f"random-{number}",
        "months": months,
        "dimensions": dimensions,
        "value_correlations": [[*dimensions[:2], correlation]] if len(dimensions) > 1 else [],
        "alignment_metric": ("distance", "centred", "profile")[number % 3],
        "alignment_mode": among(("shift", "contract"), number, "mode"),
        "alignment_roles": among(roles, number, "of"),
        "relationship_rule": among(("bounded", "constant"), number, "relationships"),
        "everybody_aware": share(number, "aware") < 0.2,
        "innovation": {
            "values": random_values(dimensions, number, "innovation"),
            "emphasis": {name: part / sum(emphasis.values()) for name, part in emphasis.items()},
        },
        "profiles": {name: random_values(dimensions, number, name) for name in profiles},
        "organisations": organisations,
        "commissioners": {"count": whole(0, 3, number, "commissioners"), "profile": among(profiles, number, "funder")},
        "changes": [random_change(number, c, months, groups, profiles, parameters)
                    for c in range(whole(0, 4, number, "changes"))],
    })  # fmt: skip
    settings = random_settings(number, groups, parameters, mechanisms)
    scenario = (first_edition(plain) if first else plain).replace(settings)
    if first:  # climate falls as fast as it rises, in every group
        decay = {
            name.replace("climate_rate", "climate_decay"): x for name, x in settings.items() if "climate_rate" in name
        }
        scenario = scenario.replace(decay)
    if len(dimensions) > 1 and share(number, "level") < 0.4:  # near where it is: not every level can be reached
        start = va.simulate(scenario, 3, number, record=()).runs["alignment_start"].mean()
        scenario = scenario.replace({"alignment_level": round(start + among((-0.03, 0.02, 0.04), number, "to"), 2)})
    return scenario


# --- the first edition -----------------------------------------------------------------------------------------------
# Its parameters are those of the second but for these, and had other defaults and ranges.
NEW = {
    "initial_engagement", "grounding", "talk", "sensegiving", "session", "aware_voice", "climate_decay",
    "climate_direct", "climate_gate",
    "lapse_climate", "norm_effect", "adoption_norm", "pilot_reservation", "burden", "burden_effect",
}  # fmt: skip
WITHOUT = dict.fromkeys(
    ("climate_direct", "climate_gate", "lapse_climate", "norm_effect", "adoption_norm", "burden_effect"), 0.0
)
OLD_DEFAULTS = {
    "climate_effect": 0.8, "funding_support": 0.3, "base_staff": -3.1, "base_manager": -2.7, "base_peer": -2.8,
    "lapse_base": -4.4, "peer_effect": 0.4, "adoption_base": -5.0, "mandate_effect": 3.0, "abandon_within": -5.2,
    "restart": -6.3, "pilot_funds": 1.0,
}  # fmt: skip
OLD_RANGES = {
    name: {"low": low, "high": high}
    for name, (low, high) in {
        "climate_effect": (0, 1.5), "funding_support": (0, 0.6), "base_staff": (-3.6, -2.6), "peer_effect": (0, 0.8),
        "base_manager": (-3.2, -2.2), "base_peer": (-3.3, -2.3), "lapse_base": (-4.9, -3.9), "mandate_effect": (2, 4),
        "adoption_base": (-5.5, -4.5), "abandon_within": (-5.6, -4.8), "restart": (-6.7, -5.9),
    }.items()
}  # fmt: skip
# Random scenarios in which nobody asks for a pilot, and no pilot paid nationally takes a commissioner's money.
FIRST = (*range(15), 16, 17, 18, 19, 22, 23, 24, 25, 26, 28)


def first_edition(scenario: va.Scenario) -> va.Scenario:
    """The scenario with what the second edition added switched off, and the first edition's defaults."""
    given = {name: value for name, value in OLD_DEFAULTS.items() if name not in scenario.parameters}
    found = scenario.replace({**given, **WITHOUT, "mechanisms.sensemaking": False})
    return found.replace({"climate_decay": found.value("climate_rate")})


# --- what is simulated -----------------------------------------------------------------------------------------------
def recorded(found: Any, kinds: Iterable[str], of: str = "") -> Tables:
    """The tables of an ensemble under names that say what they are `of`."""
    return {f"{of} {kind}".strip(): getattr(found, kind) for kind in kinds}


# Everything is simulated with these and without: where nothing is booked, the month has other steps.
RECORD = ("series", "decomposition")


def shipped(name: str, runs: int, months: int | None, threads: int | None, first: bool = False) -> Tables:
    scenario = first_edition(va.Scenario.load(name)) if first else va.Scenario.load(name)
    scenario = scenario if months is None else scenario.replace({"months": months})
    plain = va.simulate(scenario, runs, 1, 2, (), threads=threads)
    found = va.simulate(scenario, runs, 1, record=RECORD, threads=threads)
    return recorded(found, ("runs", *RECORD)) | {"runs alone": plain.runs}


def one_random(number: int, threads: int | None, first: bool = False) -> Tables:
    scenario = random_scenario(number, first)
    options: dict[str, Any] = {"runs": 4, "seed": number, "threads": threads}
    plain = va.simulate(scenario, record=(), width=3, **options)
    found = va.simulate(scenario, record=(*RECORD, *(["events"] if number % 4 == 0 else [])), width=3, **options)
    tables = recorded(found, ("runs", *RECORD)) | {"runs alone": plain.runs}
    return tables | (recorded(found, ["events"]) if number % 4 == 0 else {})


def small(months: int = 24) -> va.Scenario:
    return va.Scenario.load("two-services").replace({"months": months})


def everybody(threads: int | None) -> Tables:
    found = va.simulate(small(), 3, 6, record=("events", "agents"), threads=threads)
    return recorded(found, ("runs", "events")) | {"agents of two-services": found.agents}


def imported(threads: int | None) -> Tables:
    """Twelve people of two services, one of whom did not answer."""
    roles = ["manager", "staff", "staff", "staff", "staff", "peer"] * 2
    services = ["hostel"] * 6 + ["outreach"] * 6
    nodes = pd.DataFrame({"id": [f"p{n}" for n in range(12)], "organisation": services, "role": roles})
    for dimension in small().dimensions[:4]:
        nodes[dimension] = [None if n == 3 else round(share("answer", n, dimension), 3) for n in range(12)]
    pairs = [(a, b) for a in range(12) for b in range(a) if share("tie", a, b) < 0.4]
    edges = pd.DataFrame({"from": [f"p{a}" for a, _ in pairs], "to": [f"p{b}" for _, b in pairs]})
    scenario = small()
    society = va.society_from_tables(nodes, edges, scenario=scenario, seed=3)
    return recorded(va.simulate(scenario, 4, 2, record=RECORD, society=society, threads=threads), ("runs", *RECORD))


def world(threads: int | None) -> Tables:
    model = va.World(small(), rng=5, society_seed=7, events=True)
    for _ in range(model.plan.months):
        model.step()
    return {
        "world outcomes": pd.DataFrame([model.outcomes]),
        "world months": model.datacollector.get_model_vars_dataframe(),
        "world events": pd.DataFrame(model.events),
        "world decomposition": model.decomposition,
    }


def levels(threads: int | None) -> Tables:
    cheap = {"as it is": {}, "cheap": {"innovation.cost": 0.5, "innovation.values.cashable_savings": 0.9}}
    found = va.levels(
        small(), worlds=None, runs=4, seed=3, societies=2, innovations=cheap, evidence=[0.2, 0.8], record=RECORD
    )
    return recorded(found, ("runs", *RECORD), "levels")


def compare(threads: int | None) -> Tables:
    others = {"mandate": {"mandate": 1}, "no leadership": {"mechanisms.leadership": False, "team_share": 0.0}}
    scenarios = {"base": small()} | {name: small().replace(settings) for name, settings in others.items()}
    return recorded(
        va.compare(scenarios, runs=4, worlds=None, seed=4, societies=2, record=RECORD), ("runs", *RECORD), "compare"
    )


def ablations(threads: int | None) -> Tables:
    found = va.ablations(small(), runs=4, seed=5)
    return {"ablations": found[["mechanism", "booked", "ablation", "runs"]]}


def sobol(threads: int | None) -> Tables:
    names = ["fit_effect", "relationship_rate", "pilot_months", "ties.between", "alignment_metric"]
    found = va.sensitivity(small(), n=8, parameters=names, replicates=2, seed=6, threads=threads)
    values = {name: found.values(name).ravel() for name in found.runs.names}
    runs = va.simulate(found.design, base=small(), threads=threads).runs
    return {"sobol design": runs, "sobol outcomes": pd.DataFrame(values)}


def claim(name: str, threads: int | None) -> Tables:
    """Contrasts of the arms world by world, with the claim's assumption and without."""
    found = va.test_claim(name, worlds=4, seeds=2, seed=7, plausible=True, shipped_runs=0, threads=threads)
    effects = {}
    for test in found.tests:
        effects[test.test.name], effects[f"{test.test.name}, null"] = test.effects.ravel(), test.null_effects.ravel()
    return {f"{name} worlds": found.worlds, f"{name} effects": pd.DataFrame(effects)}


def batch(threads: int | None) -> Tables:
    points = va.design.latin_hypercube(["fit_effect", "leadership_rate", "contract_months"], 4, seed=8)
    modes = va.design.factorial({"relationship_rule": ["bounded", "constant"], "mechanisms.evidence": [True, False]})
    design = va.design.replicate(va.design.product(points, modes), 2, seed=8)
    with tempfile.TemporaryDirectory() as folder:
        va.run_batch(small(), design, Path(folder) / "batch", RECORD, threads=threads, shard_rows=5)
        saved = va.load(Path(folder) / "batch")
        return {f"batch {kind}": saved[kind] for kind in ("runs", *RECORD)}


CASES: dict[str, Callable[[int | None], Tables]] = {
    "two-services": partial(shipped, "two-services", 6, None),
    "housing-first": partial(shipped, "housing-first", 3, 48),
    "social-prescribing": partial(shipped, "social-prescribing", 4, None),
    "low-fit": partial(shipped, "low-fit", 4, None),
    "england": partial(shipped, "england", 2, 12),
    **{f"random-{number}": partial(one_random, number) for number in range(RANDOM)},
    "everybody": everybody,
    "imported": imported,
    "world": world,
    "levels": levels,
    "compare": compare,
    "ablations": ablations,
    "sobol": sobol,
    **{f"claim-{name}": partial(claim, name) for name in ("C8", "C15", "C16")},
    "batch": batch,
    "first two-services": partial(shipped, "two-services", 6, None, first=True),
    "first housing-first": partial(shipped, "housing-first", 3, 48, first=True),
    "first low-fit": partial(shipped, "low-fit", 4, None, first=True),
    **{f"first random-{number}": partial(one_random, number, first=True) for number in FIRST},
}


# --- hashes ----------------------------------------------------------------------------------------------------------
def text(value: Any) -> Any:
    """What JSON holds of a cell that is no number."""
    if isinstance(value, dict):
        return {str(key): text(each) for key, each in sorted(value.items())}
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value).hex()
    return str(value)


def content(column: pd.Series) -> tuple[str, bytes]:
    """Kind and bytes of a column: numbers of any width as 64 bits, all NaN alike, everything else as text."""
    if column.name == "status":  # which runs failed, not in what words
        column = column.where(column == "ok", "failed")
    kind = getattr(column.dtype, "kind", "O")
    if kind == "f":
        values = column.to_numpy(np.float64, copy=True)
        values[np.isnan(values)] = np.nan
        return kind, values.astype("<f8").tobytes()
    if kind in "iub":
        return kind.replace("u", "i"), column.to_numpy().astype("<i8").tobytes()
    return "text", json.dumps([text(value) for value in column.tolist()]).encode()


def table_hash(table: pd.DataFrame, columns: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for name in sorted(columns):
        kind, data = content(table[name])
        digest.update(f"{name}\0{kind}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def differences(name: str, kept: dict[str, Any], threads: int | None = None) -> list[str]:
    """What a case gives otherwise than it did, in words. Columns that are new do not count."""
    tables, found = CASES[name](threads), []
    for of, expected in kept["cases"][name].items():
        columns = kept["columns"][of]
        if of not in tables:
            found.append(f"{name}: there is no table of {of}")
        elif lost := [column for column in columns if column not in tables[of]]:
            found.append(f"{name}: {of} has lost the columns {', '.join(lost)}")
        elif table_hash(tables[of], columns) != expected:
            found.append(f"{name}: {of} differ in content")
    return found


def read() -> dict[str, Any]:
    return json.loads(FILE.read_text("utf-8"))


def write(threads: int | None = None) -> None:
    """Make the file anew: a line for the columns of every table, and one for every case."""
    columns: dict[str, list[str]] = {}
    cases: dict[str, dict[str, str]] = {}
    for name, case in CASES.items():
        cases[name] = {}
        for of, table in case(threads).items():
            names = [str(column) for column in table]
            if columns.setdefault(of, names) != names:
                raise ValueError(f"{name}: {of} have other columns than before: {names}")
            cases[name][of] = table_hash(table, names)
    parts = []
    for title, part in (("columns", columns), ("cases", cases)):
        lines = [f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in part.items()]
        parts.append(f' "{title}": {{\n' + ",\n".join(lines) + "\n }")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare, and say which cases differ")
    what.add_argument("--write", action="store_true", help="make the file anew")
    parser.add_argument("--threads", type=int, help="blocks at once (default: one a core)")
    parser.add_argument("cases", nargs="*", metavar="case", help="which to compare (default: all)")
    options = parser.parse_args()
    os.environ.setdefault("VALIGN_CACHE", str(FILE.parents[2] / ".cache"))  # where the tests keep compiled code
    if unknown := [name for name in options.cases if name not in CASES]:
        parser.error(f"no case is called {unknown[0]}: expected one of {', '.join(CASES)}")
    if options.write:
        write(options.threads)
        return 0
    kept, names = read(), options.cases or list(CASES)
    found = [line for name in names for line in differences(name, kept, options.threads)]
    print("\n".join(found) if found else f"{len(names)} cases are the same to the last bit")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
