"""A claim from its declaration to its report, and `valign claims`."""

from __future__ import annotations

import json

import pytest
from claim_cases import EXAMPLE

from valign.cli.app import main
from valign.experiments.ablation import ablations
from valign.experiments.attribution import attribution
from valign.experiments.claims.results import claim_tables
from valign.experiments.claims.testing import RIVALS, test_claim, test_claims
from valign.experiments.claims.worlds import shipped_seeds
from valign.results.reports import claims_page

pytestmark = pytest.mark.usefixtures("in_the_checkout")


def test_a_real_claim_small():
    found = test_claims(["C1"], 6, 4, 3, rival_worlds=2, variant_worlds=2, shipped_runs=8)[0]
    assert found.tests[0].effects.shape == (6, 4)
    assert set(found.rivals["rival"]) == set(RIVALS)
    assert len(found.variants) == 4
    assert (found.shipped["effect"] > 0).all()  # fit effects are above 0 at the defaults: arithmetic, not a finding
    assert found.failures == {}
    again = test_claim("C1", 6, 4, 3, shipped_runs=0, threads=1)
    assert (again.tests[0].effects == found.tests[0].effects).all()
    wider = test_claim("C1", 6, 6, 3, shipped_runs=0)
    assert (wider.tests[0].effects[:, :4] == found.tests[0].effects).all()
    summary, tables = claim_tables([found])
    page = claims_page.page(summary, tables, "how")
    assert "## C1 Fit and engagement" in page
    assert "nan" not in page


def test_shipped_seeds_nest_runs_in_eight_societies():
    runs, societies = shipped_seeds(64, 1)
    assert runs.shape == (8, 8)
    assert len(set(runs.ravel())) == 64
    assert len(set(societies)) == 8


def test_attribution_agrees_with_the_ablations():
    table = attribution("two-services", 4, 3, flexibilities=[0.1], mechanisms=["leadership"])
    table = table[table["balance"] == "alignment"]
    plain = ablations("two-services", 4, 3, mechanisms=["leadership"]).set_index("balance").loc["alignment"]
    whole = table.query("episode == 'all' and role == 'all' and part == 'all' and mechanism == 'leadership'").iloc[0]
    for name in ("booked", "booked_low", "ablation", "ablation_high"):
        assert whole[name] == pytest.approx(plain[name], abs=1e-10)
    episodes = table.query("episode != 'all' and role == 'all' and part == 'all' and mechanism == 'all'")
    total = table.query("episode == 'all' and role == 'all' and mechanism == 'all'")
    assert episodes["booked"].sum() == pytest.approx(total["booked"].iloc[0])


def test_the_command(tmp_path, capsys):
    out = tmp_path / "mine"
    arguments = ["claims", EXAMPLE, "--worlds", "4", "--seeds", "2", "--out", str(out), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["claims"][0]["claim"] == "mine"
    assert {"report.html", "claims.png", "claims.csv", "tests.csv", "manifest.json"} <= {f.name for f in out.iterdir()}
    assert main(arguments) == 0  # read, not computed
    assert json.loads(capsys.readouterr().out)["claims"] == told["claims"]
    assert main(["claims", "--list"]) == 0
    assert "C18" in capsys.readouterr().out
    assert main([*arguments[:-3], "--out", str(tmp_path / "again")]) == 0
    said = capsys.readouterr().err.splitlines()
    both = told["claims"][0]["runs"] + told["plausible"][0]["runs"]
    assert said[0] == f"mine {told['claims'][0]['title']}: {both:,} runs"
    verdicts = {told["claims"][0]["verdict"], told["plausible"][0]["verdict"]}
    assert len(told["changed"]) == len(verdicts) - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["C19"], "did you mean"),
        (["C1", "c01"], "given twice"),
        (["C1", "--worlds", "1"], "--worlds 1"),
        (["C1", "--worlds", "9999999"], "valign: worlds = 9999999: expected a whole number from 2 to 1000000\n"),
    ],
)
def test_wrong_commands(arguments, message, capsys):
    assert main(["claims", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("valign: ")  # before anything else is said
