"""Sensitivity studies with missing or failed runs, interrupted ones, and seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sensitivity_cases import ISHIGAMI, SMALL, ishigami

from valign.experiments.sensitivity import Sample, sensitivity, study, with_extras
from valign.experiments.sensitivity.indices import sobol
from valign.experiments.sensitivity.runs import chunk_blocks
from valign.model.errors import InputError


# --- what is missing --------------------------------------------------------------------------------------------------
def gappy(design: pd.DataFrame) -> pd.DataFrame:
    """No value in a corner, and a failed run in another."""
    table = ishigami(design).assign(z=lambda t: t["y"])
    table.loc[(design["x1"] > 2.9).to_numpy(), "z"] = np.nan
    return table


def failing(design: pd.DataFrame) -> pd.DataFrame:
    table = ishigami(design)
    bad = (design["x1"] > 2.9).to_numpy()
    return table.assign(y=table["y"].mask(bad), status=np.where(bad, "too much of x1", "ok"))


def test_missing_values_are_refused_or_their_row_blocks_left_out():
    found = study(with_extras(ISHIGAMI), gappy, n=256)
    assert found.analysed(["y"]).indices["value"].notna().all()
    rows = int(np.isnan(found.values("z")).any(axis=2).sum())
    with pytest.raises(InputError, match=f"z has no value in {rows} of 1,536 rows"):
        _ = found.indices
    dropped = found.analysed(missing="drop")
    gone = np.isnan(found.values("z")).any(axis=(1, 2))
    assert dropped.dropped.set_index("outcome")["dropped"].to_dict() == {"y": 0, "z": gone.sum()}
    expected = sobol(found.values("z")[~gone].mean(axis=2)[:, :, None], 4).total[0]
    np.testing.assert_allclose(dropped.indices.query("outcome == 'z' and index == 'ST'")["value"], expected)
    assert f"{gone.sum()} of 256 row-blocks were left out" in dropped.words


def test_failed_runs_are_named():
    found = study(with_extras(ISHIGAMI), failing, n=64)
    with pytest.raises(InputError, match=r"rows failed.*too much of x1"):
        _ = found.indices
    assert set(found.failures["why"]) == {"too much of x1"}
    assert found.analysed(missing="drop").dropped["dropped"].iloc[0] == found.failures["row_block"].nunique()
    with pytest.raises(InputError, match="every point of its curves"):
        _ = study(with_extras(ISHIGAMI), failing, "fast", 65, missing="drop").indices
    with pytest.raises(InputError, match="too few row-blocks"):
        _ = study(with_extras(ISHIGAMI), lambda d: failing(d).assign(status="no"), n=64, missing="drop").indices


def test_unreachable_levels_are_failed_runs():
    found = sensitivity(
        SMALL,
        n=8,
        parameters=["alignment_level", "fit_effect"],
        replicates=1,
        bounds={"alignment_level": (0.6, 0.99)},
        outcomes=["uptake_final"],
    )
    with pytest.raises(InputError, match="cannot be reached"):
        _ = found.indices


# --- keeping and enlarging --------------------------------------------------------------------------------------------
def test_an_interrupted_study_goes_on(tmp_path, monkeypatch):
    from valign.experiments.sensitivity import runs

    monkeypatch.setattr(runs, "RUNS_AT_ONCE", 64)
    calls = []

    def function(design):
        calls.append(len(design))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return ishigami(design)

    problem = with_extras(ISHIGAMI)
    assert chunk_blocks(Sample("sobol", problem, 64)) == 8
    with pytest.raises(KeyboardInterrupt):
        study(problem, function, n=64, folder=tmp_path)
    done = study(problem, function, n=64, folder=tmp_path)
    assert len(calls) == 3 + 6  # eight chunks, two of them finished before
    assert done.indices.equals(study(problem, ishigami, n=64).indices)


def test_seed_0_is_a_seed():
    zero, one = (study(with_extras(ISHIGAMI), ishigami, "morris", 8, seed=seed) for seed in (0, 1))
    again = study(with_extras(ISHIGAMI), ishigami, "morris", 8, seed=0)
    assert zero.indices.equals(again.indices)
    assert not zero.indices.equals(one.indices)
