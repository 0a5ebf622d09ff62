"""The same answers as a society and a scenario: people, services and ties as files that every command reads.

Those who answered keep their values, moved toward the mean so far that errors of measurement leave their spread (each
value's deviation from its role's mean times the square root of its reliability). Of those who did not answer, values
are those of somebody of the same role, at the mean of their own service as far as it is known. Ties that nobody named
are drawn within services. All of it is drawn the same way for the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.parameters import ROLES as MODEL_ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.tables import society_from_tables
from valign.model.state.arrays import STAGES as MODEL_STAGES
from valign.results.plain_text import FORMULA, frame_as_cells

from ..data.answers import NOT_SAID, Answers
from .connectors import ties_of
from .measurement import Measured, mean_of

STAFF, MANAGER, COMMISSIONER = (MODEL_ROLES.index(name) for name in ("staff", "manager", "commissioner"))
ENGAGED = list(MODEL_STAGES).index("engaged")
STANDING = ("by_service", "by_role")  # tables of who stands where
TIES = 5  # drawn for everybody who has fewer in the service


def persons(measured: Measured) -> pd.DataFrame:
    """Everybody who works there: id, organisation, role, manager, commissioner, stage, answered, and their values."""
    answers = measured.answers
    rng = np.random.default_rng(5)
    role = np.where(answers.role == NOT_SAID, STAFF, answers.role)
    held = _held(measured)
    rows: list[tuple[str, int, int, int, bool, np.ndarray]] = []
    for n in range(len(answers)):
        rows.append((f"a{n + 1}", int(answers.service[n]), int(role[n]), int(answers.use[n]), True, held[n]))
    members = np.flatnonzero(answers.service >= 0)
    middle = mean_of(held[members])
    for g in range(len(answers.services)):
        here = members[answers.service[members] == g]
        missing = int(answers.people[g]) - len(here) if np.isfinite(answers.people[g]) else 0
        pulled = (mean_of(held[here]) - middle) * len(here) / (len(here) + 14)  # as if ICC = .07
        if not any(role[n] == MANAGER for n in here):  # one of those who did not answer
            rows.append((f"g{g + 1}m", g, MANAGER, NOT_SAID, False, middle + pulled))
            missing -= 1
        for n in range(missing):
            donor = int(rng.choice(here if len(here) else members))
            other = rng.choice(members[role[members] == role[donor]])
            values = np.clip(held[other] - _deviation(held, answers, other, middle) + pulled, 0, 1)
            rows.append((f"g{g + 1}x{n + 1}", g, int(role[donor]), int(answers.use[donor]), False, values))
    if not any(row[2] == COMMISSIONER for row in rows):
        rows.append(("funder", -1, COMMISSIONER, NOT_SAID, False, np.full(len(middle), np.nan)))
    return _table(rows, answers)


def _held(measured: Measured) -> np.ndarray:
    """Values of those who answered [N × K], their spread that of what people hold; NaN where nothing was answered."""
    behind = measured.values.true_mean()[measured.groups]
    seen = np.stack([mean_of(measured.own[measured.groups == g]) for g in range(int(measured.groups.max()) + 1)])
    rest = measured.own - seen[measured.groups]
    observed = np.sqrt(np.maximum(1e-6, mean_of(rest * rest)))
    return np.clip(behind + rest * np.minimum(1.0, measured.values.sd / observed), 0, 1)


def _deviation(held: np.ndarray, answers: Answers, person: int, middle: np.ndarray) -> np.ndarray:
    here = np.flatnonzero(answers.service == answers.service[person])
    return (mean_of(held[here]) - middle) * len(here) / (len(here) + 14)


def _table(rows: list[tuple[str, int, int, int, bool, np.ndarray]], answers: Answers) -> pd.DataFrame:
    first_manager = {row[1]: row[0] for row in reversed(rows) if row[2] == MANAGER}
    funder = next(row[0] for row in rows if row[2] == COMMISSIONER)
    table = pd.DataFrame(
        {
            "id": [row[0] for row in rows],
            "organisation": [answers.services[row[1]] if row[2] != COMMISSIONER else "" for row in rows],
            "role": [MODEL_ROLES[row[2]] for row in rows],
            "manager": [first_manager.get(row[1], "") if row[2] not in (MANAGER, COMMISSIONER) else "" for row in rows],
            "commissioner": [funder if row[2] != COMMISSIONER else "" for row in rows],
            "stage": [MODEL_STAGES[row[3]] if row[3] >= 0 and row[2] != COMMISSIONER else "" for row in rows],
            "answered": [row[4] for row in rows],
        }
    )
    values = np.array([row[5] for row in rows])
    for k, dimension in enumerate(answers.dimensions):
        table[dimension] = [f"{x:.4f}" if np.isfinite(x) else "" for x in values[:, k]]
    return table


def network(answers: Answers, people: pd.DataFrame) -> pd.DataFrame:
    """Ties that people named, and for everybody with fewer than five in the service, others drawn within it."""
    rng = np.random.default_rng(6)
    ids = people["id"].tolist()
    named = [(ids[a], ids[b]) for a, b in ties_of(answers).tolist()]
    pairs = {tuple(sorted(pair)) for pair in named}
    count = {each: 0 for each in ids}
    organisation = dict(zip(ids, people["organisation"], strict=True))
    for a, b in pairs:
        same = organisation[a] == organisation[b]
        count[a] += same
        count[b] += same
    for _, part in people[people["role"] != "commissioner"].groupby("organisation", sort=False):
        here = part["id"].tolist()
        for person in here:
            others = [each for each in here if each != person and tuple(sorted((person, each))) not in pairs]
            wanted = min(TIES - count[person], len(others))
            for other in rng.permutation(others)[: max(0, wanted)].tolist():
                pairs.add(tuple(sorted((person, other))))
                count[person] += 1
                count[other] += 1
    return pd.DataFrame(sorted(pairs), columns=["from", "to"])


def scenario_for(measured: Measured, people: pd.DataFrame, climate: np.ndarray, tables: bool = False) -> Scenario:
    """The scenario of the innovation with these services: their stages, what it stands for, clarity and readings as
    measured; the leadership of a service is its climate (`climate`, by service).

    people : as `persons` has them. tables : whether it names them as `nodes.csv` and `edges.csv` in its folder.
    """
    answers = measured.answers
    base = Scenario.load(answers.scenario)
    raw = base.to_mapping()
    strength = PARAMETERS["leadership_strength"]
    pattern = base.organisations[0]
    raw["organisations"] = []
    for g, name in enumerate(answers.services):
        here = people[people["organisation"] == name]["role"].value_counts()
        raw["organisations"].append(
            {
                "name": name,
                "staff": int(here.get("staff", 0)),
                "managers": int(here.get("manager", 0)),
                "peers": int(here.get("peer", 0)),
                "stage": stage_of(answers, g),
                **(
                    {
                        "parameters": {
                            "leadership_strength": round(float(np.clip(climate[g], strength.low, strength.high)), 3)
                        }
                    }
                    if np.isfinite(climate[g])
                    else {}
                ),
                **{
                    each: getattr(pattern, each)
                    for each in ("staff_profile", "manager_profile", "peer_profile", "client_profile")
                },
            }
        )
    raw |= {
        "name": f"{answers.name[:90]}".replace(".", " ").strip() or "survey",
        "title": f"{answers.innovation} in {len(answers.services)} services, from a survey of {len(answers)} people",
        "description": f"Made from the answers of {len(answers)} people to the questionnaire. Values, roles, named "
        "ties, readings and the support of managers are theirs; people who did not answer, ties that nobody named and "
        "all other parameters are assumed.",
        "commissioners": {
            "count": int((people["role"] == "commissioner").sum()),
            "profile": base.commissioners.profile,
        },
    }
    if tables:
        raw["tables"] = {"nodes": "nodes.csv", "edges": "edges.csv"}
    raw.pop("changes", None)
    raw["innovation"]["values"] = dict(zip(answers.dimensions, map(float, answers.intended), strict=True))
    raw["innovation"]["emphasis"] = dict(zip(answers.dimensions, map(float, answers.emphasis), strict=True))
    made = Scenario.from_mapping(raw, answers.name)
    return made.replace(measured_parameters(measured, made))


def measured_parameters(measured: Measured, scenario: Scenario) -> dict[str, float]:
    """Clarity as people say it is, and the spread of readings that goes with it."""
    clear = measured.answers.clear
    if not np.isfinite(clear).any():
        return {}
    limits = PARAMETERS["innovation.clarity"]
    clarity = float(np.clip(np.nanmean(clear), limits.low, limits.high))
    spread = float(np.sqrt(measured.weights @ measured.readings.sd**2))
    limits = PARAMETERS["reading_sd"]
    return {
        "innovation.clarity": round(clarity, 3),
        "reading_sd": round(float(np.clip(spread / (1 - clarity), limits.low, limits.high)), 3),
    }


def stage_of(answers: Answers, service: int) -> str:
    """As it was said; where nobody said: piloting, if a fifth of those who answered use it, else outside."""
    if answers.stage[service]:
        return answers.stage[service]
    use = answers.use[answers.service == service]
    use = use[use != NOT_SAID]
    return "piloting" if len(use) and (use == ENGAGED).mean() >= 0.2 else "outside"


def safe_name(name: str, number: int) -> str:
    """A name that a scenario allows, and that a spreadsheet does not take for a formula where it opens `nodes.csv`."""
    name = "".join(c for c in name.replace(".", " ") if c.isprintable())
    return name.lstrip("".join(FORMULA) + "' ").strip()[:90] or f"service {number + 1}"


def society_for(people: pd.DataFrame, ties: pd.DataFrame, scenario: Scenario) -> Society:
    """The society of `persons` and `network`."""
    return society_from_tables(people.drop(columns="answered"), ties, None, scenario)


def write_society(
    people: pd.DataFrame, ties: pd.DataFrame, scenario: Scenario, stands: Mapping[str, pd.DataFrame], folder: Path
) -> Path:
    """Write `scenario.toml`, `nodes.csv` and `edges.csv` into a folder; the path of the scenario.

    stands : who stands where, by the names of STANDING; written beside them.

    Raises InputError where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        people.drop(columns="answered").to_csv(folder / "nodes.csv", index=False, lineterminator="\n")
        ties.to_csv(folder / "edges.csv", index=False, lineterminator="\n")
        for name, table in stands.items():
            frame_as_cells(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        scenario.to_toml(folder / "scenario.toml")
    except OSError as error:
        raise InputError([f"{folder}: cannot be written: {error.strerror or error}"]) from None
    return folder / "scenario.toml"


def standing(scenario: Scenario) -> dict[str, pd.DataFrame] | None:
    """Who stands where, of a society that was made from a questionnaire; None of any other."""
    paths = {name: Path(scenario.folder) / f"{name}.csv" for name in STANDING}
    if scenario.tables is None or not all(path.is_file() for path in paths.values()):
        return None
    found = {name: pd.read_csv(path) for name, path in paths.items()}
    return found if all({"fit", "stands"} <= set(table) for table in found.values()) else None
