"""How innovations spread in social care through the alignment of values.

>>> import valign as va
>>> out = va.simulate(va.Scenario.load("two-services"), runs=100, seed=1)
>>> out.runs[["uptake_final", "spread_final"]].describe()

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valign.calibration.calibrate import calibrate as calibrate
    from valign.calibration.calibrate import choose_model as choose_model
    from valign.calibration.diagnose.diagnosis import diagnose as diagnose
    from valign.calibration.patterns.listing import patterns as patterns
    from valign.experiments import design as design
    from valign.calibration.planning.studies import plan_study as plan_study
    from valign.experiments.ablation import ablations as ablations
    from valign.experiments.attribution import attribution as attribution
    from valign.experiments.batch.batch import run_batch as run_batch
    from valign.experiments.claims.declaration import Claim as Claim
    from valign.experiments.claims.testing import test_claim as test_claim
    from valign.experiments.claims.testing import test_claims as test_claims
    from valign.experiments.actions.declaration import actions as actions
    from valign.experiments.compare import compare as compare
    from valign.experiments.decide.decide import decide as decide
    from valign.experiments.decide.pilots import pilot_first as pilot_first
    from valign.experiments.levels import levels as levels
    from valign.experiments.outcomes import Outcomes as Outcomes
    from valign.experiments.sensitivity import screen as screen
    from valign.experiments.sensitivity import sensitivity as sensitivity
    from valign.experiments.simulate import simulate as simulate
    from valign.experiments.worlds import worlds as worlds
    from valign.model.errors import InputError as InputError
    from valign.model.scenario.scenario import Scenario as Scenario
    from valign.model.scenario.scenario import ScenarioError as ScenarioError
    from valign.model.scenario.scenario import scenario_names as scenario_names
    from valign.model.society.tables import society_from_tables as society_from_tables
    from valign.model.world.world import World as World
    from valign.results.saved import load as load

    from .cli.parameters import parameters as parameters

    __version__: str

_WHERE = {
    "Scenario": "valign.model.scenario.scenario",
    "ScenarioError": "valign.model.scenario.scenario",
    "InputError": "valign.model.errors",
    "scenario_names": "valign.model.scenario.scenario",
    "parameters": "valign.cli.parameters",
    "simulate": "valign.experiments.simulate",
    "Outcomes": "valign.experiments.outcomes",
    "compare": "valign.experiments.compare",
    "run_batch": "valign.experiments.batch.batch",
    "levels": "valign.experiments.levels",
    "ablations": "valign.experiments.ablation",
    "sensitivity": "valign.experiments.sensitivity",
    "screen": "valign.experiments.sensitivity",
    "calibrate": "valign.calibration.calibrate",
    "choose_model": "valign.calibration.calibrate",
    "diagnose": "valign.calibration.diagnose.diagnosis",
    "plan_study": "valign.calibration.planning.studies",
    "attribution": "valign.experiments.attribution",
    "test_claim": "valign.experiments.claims.testing",
    "test_claims": "valign.experiments.claims.testing",
    "Claim": "valign.experiments.claims.declaration",
    "actions": "valign.experiments.actions.declaration",
    "decide": "valign.experiments.decide.decide",
    "pilot_first": "valign.experiments.decide.pilots",
    "World": "valign.model.world.world",
    "patterns": "valign.calibration.patterns.listing",
    "worlds": "valign.experiments.worlds",
    "society_from_tables": "valign.model.society.tables",
    "load": "valign.results.saved",
}
_MODULES = {"design": "valign.experiments.design"}
__all__ = ["__version__", *_WHERE, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]  (the names above)

_folder = Path(__file__).parent
if not (_folder / "model").is_dir() and (_folder.parent / "model" / "parameters.py").is_file():
    __path__.append(str(_folder.parent))  # a checkout whose links did not survive (Windows)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("valign")
        except PackageNotFoundError:  # a checkout that is not installed
            value = "0+checkout"
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    elif name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
    else:
        from difflib import get_close_matches

        near = get_close_matches(name, __all__, n=1)
        raise AttributeError(f"valign has no {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""), name=name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
