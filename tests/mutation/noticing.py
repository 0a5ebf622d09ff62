"""The tests that are to notice a mutant, by module: of which modules there are mutants."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MECHANISMS = tuple(
    f"model/mechanisms/{path.parent.name}/kernel"
    for path in sorted((ROOT / "model" / "mechanisms").glob("*/kernel.py"))
)
# "agree", always first: random scenarios against tests/reference.
TESTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        MECHANISMS, ("agree", "tests/model/test_terms.py::test_people_without_ties_among_others_with_ties")
    ),
    **{
        f"model/mechanisms/{name}/kernel": ("agree", "tests/model/test_terms.py")
        for name in ("commissioning", "engagement")
    },
    "model/mechanisms/changes/kernel": ("agree", "tests/model/test_changes.py"),
    "model/mechanisms/organisations/kernel": ("agree", "tests/model/test_terms.py", "tests/model/test_changes.py"),
    "experiments/compare": (
        "tests/experiments/test_outcomes.py",
        "tests/experiments/test_compare.py",
        "tests/experiments/test_replay_and_compare_commands.py",
    ),
    "experiments/outcomes": (
        "tests/experiments/test_outcomes.py",
        "tests/experiments/test_compare.py",
        "tests/experiments/test_replay_and_compare_commands.py",
        "tests/experiments/test_design.py",
    ),
    "experiments/claims/measures": ("tests/experiments/test_measures.py",),
    "experiments/claims/verdict": (
        "tests/experiments/test_outcomes.py",
        "tests/experiments/test_claim_verdicts.py",
        "tests/experiments/test_claim_runs.py",
    ),
    "experiments/sensitivity/indices": tuple(
        f"tests/experiments/test_sensitivity_{name}.py"
        for name in ("by_hand", "salib", "known_answers", "missing_and_kept", "of_the_model")
    ),
    "calibration/abc/posterior": (
        "tests/calibration/test_local_regression.py",
        "tests/calibration/test_calibration.py",
    ),
    "calibration/abc/recovery": tuple(
        f"tests/calibration/test_recovery.py::test_{name}"
        for name in (
            "recovery_of_a_toy",
            "estimates_of_a_data_set_step_by_step",
            "simulations_from_the_prior_come_in_batches",
            "what_recovery_says_of_a_parameter_by_hand",
            "synthetic_data_are_data",
        )
    ),
    "calibration/abc/reduction": ("tests/calibration/test_local_regression.py",),
    "results/summaries": (
        "tests/results/test_summaries.py",
        "tests/results/test_chance_and_not_knowing.py",
        "tests/experiments/test_outcomes.py",
        "tests/experiments/test_compare.py",
        "tests/experiments/test_replay_and_compare_commands.py",
    ),
}
