"""Factors of a sensitivity study: what is uncertain, how it is drawn, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sensitivity_cases import NAMES, SMALL

from valign.experiments.sensitivity import make_problem, sensitivity, uncertain
from valign.experiments.sensitivity.runs import design_rows
from valign.experiments.simulate import simulate
from valign.experiments.worlds import marginals
from valign.model.errors import InputError
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import MECHANISMS, PARAMETERS


def test_factors_by_inverse_cdf():
    unit = (np.arange(6000) + 0.5) / 6000
    problem = make_problem(
        SMALL,
        [
            "pilot_months",
            "mandate",
            "mechanisms.leadership",
            "relationship_rule",
            "fit_effect",
            "slack",
            "organisations.hostel.slack",
            "everybody_aware",
        ],
        bounds={"pilot_months": (3, 8), "slack": (0.2, 0.3)},
        distributions={"fit_effect": stats.norm(0.4, 0.1)},
    )
    values = {factor.name: pd.Series(factor.values(unit)) for factor in problem.factors}
    assert values["pilot_months"].value_counts().to_dict() == dict.fromkeys(map(float, range(3, 9)), 1000)
    assert values["mandate"].value_counts().to_dict() == {0.0: 3000, 1.0: 3000}
    assert values["mechanisms.leadership"].value_counts().to_dict() == {False: 3000, True: 3000}
    assert set(values["relationship_rule"]) == {"bounded", "hard", "constant"}
    assert set(values["everybody_aware"]) == {False, True}
    assert values["fit_effect"].std() == pytest.approx(0.1, rel=0.01)
    assert values["slack"].between(0.2, 0.3).all()
    slack = values["organisations.hostel.slack"]
    assert (slack.min(), slack.max()) == pytest.approx((PARAMETERS["slack"].low, PARAMETERS["slack"].high), abs=1e-3)
    ends = problem.factors[0].values(np.array([0.0, 1.0]))
    assert ends.tolist() == [3.0, 8.0]


def test_what_is_uncertain():
    off = SMALL.replace({"mechanisms.leadership": False})
    kept, left = uncertain(off)
    assert "leadership_rate" in left["its mechanism is off"]
    assert "ties.peer" in left["shapes the ties"]
    assert {"mandate", "funding"} <= set(left["a decision (0 or 1)"])
    assert not set(kept) & {name for names in left.values() for name in names}
    assert "leadership_rate" in uncertain(SMALL)[0]


def test_parameters_left_out_as_switched_off_do_nothing():
    """All others count as uncertain though their mechanism is off: what they set is used elsewhere."""
    everything = SMALL.replace({f"mechanisms.{name}": True for name in MECHANISMS})
    for mechanism in MECHANISMS:
        off = everything.replace({f"mechanisms.{mechanism}": False})
        names = uncertain(off)[1].get("its mechanism is off", [])
        ends = [{name: getattr(PARAMETERS[name], end) for name in names} for end in ("low", "high")]
        low, high = (simulate(off.replace(end), runs=3, seed=1).runs[list(OUTCOMES)] for end in ends)
        pd.testing.assert_frame_equal(low, high, check_exact=True, obj=f"outcomes with {mechanism} off")


def test_mixed_factors_run_and_those_of_the_ties_run_apart():
    names = ["fit_effect", "ties.team_size", "mechanisms.leadership", "relationship_rule"]
    found = sensitivity(SMALL, n=8, outcomes=["uptake_final"], parameters=names, replicates=2)
    assert found.sample.problem.apart() == names[1:]
    assert "Run apart" in found.words
    row = found.design.iloc[[5]]
    again = simulate(row, base=SMALL).runs["uptake_final"].iloc[0]
    place = np.argwhere(design_rows(found.sample, 0, 8)[1] == 5)[0]
    assert found.values("uptake_final").reshape(-1, 2)[place[0], place[1]] == again


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"parameters": ["fit_efect"]}, "did you mean 'fit_effect'"),
        ({"outcomes": ["uptake"]}, "is not a known outcome"),
        ({"curves": ["engagd"]}, "did you mean 'engaged'"),
        ({"method": "sobl"}, "did you mean 'sobol'"),
        ({"n": 100}, "power of 2, e.g. 64 or 128"),
        ({"n": 0}, "n = 0"),
        ({"method": "fast", "n": 64}, "more than 64"),
        ({"method": "pawn", "n": 64, "group_by": "mechanism", "parameters": None}, "pawn takes no groups"),
        ({"method": "morris", "second_order": True}, "only sobol has them"),
        ({"group_by": {"all": NAMES}}, "'all' holds all parameters"),
        ({"group_by": {"a": ["slack"]}}, "'slack' is not a parameter of this study"),
        ({"group_by": {"a": NAMES[:2], "b": NAMES[:1]}}, "is in 'a' already"),
        ({"group_by": {"seed": NAMES[:2]}}, "choose another"),
        ({"group_by": "role"}, "expected 'mechanism'"),
        ({"bounds": {"fit_effect": (0.5, 0.1)}}, "low < high"),
        ({"bounds": {"fit_effect": (0.5, 100)}}, "-5 to 5"),
        ({"bounds": {"slack": (0, 1)}}, "'slack' is not a parameter of this study"),
        (
            {"bounds": {"fit_effect": (0, 1)}, "levels": {"fit_effect": [0, 1]}},
            "one of bounds, levels and distributions",
        ),
        ({"levels": {"fit_effect": [1]}}, "at least two"),
        ({"distributions": {"fit_effect": 3}}, ".ppf"),
        ({"parameters": ["alignment_level"]}, "no declared range"),
        ({"parameters": []}, "expected at least one"),
        ({"parameters": ["slack", "slack"]}, "given twice"),
        ({"missing": "guess"}, "way to treat missing values"),
        ({"replicates": 0}, "replicates = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_wrong_input_is_named(arguments, expected):
    with pytest.raises(InputError) as caught:
        sensitivity(SMALL, **{"n": 8, "parameters": NAMES, **arguments})
    assert expected in str(caught.value)


def test_parameters_vary_as_over_the_worlds_that_agree_with_facts() -> None:
    names = ["fit_effect", "talk", "slack"]
    found = sensitivity(SMALL, "morris", 2, ["uptake_final"], names, worlds=True, bounds={"talk": (0.1, 0.2)})
    design = design_rows(found.sample, 0, found.sample.blocks)[0]
    known = marginals()["fit_effect"].ppf(np.array([0.0, 1.0]))
    assert design["fit_effect"].between(*known).all()
    assert design["talk"].between(0.1, 0.2).all()  # a range of one's own counts more
    assert PARAMETERS["slack"].low <= design["slack"].min()  # what is decided: over its plausible range
    assert "as it does over the worlds that agree" in found.words
    own = sensitivity(SMALL.replace({"talk": 0.1}), "morris", 2, ["uptake_final"], worlds=True, replicates=1)
    assert own.left_out["the scenario says it"] == ["talk"]
    assert "talk" not in own.sample.problem.names
