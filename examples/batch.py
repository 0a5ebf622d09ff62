"""World in Mesa's own batch runner: uptake after three years in two scenarios, three seeds each.

    python examples/batch.py

Convenient for small sweeps; `va.simulate` runs the same months hundreds of times as fast.
"""

import inspect

import mesa
import pandas as pd

from valign.model.world.world import World


def batch(parameters, seeds, steps):
    """mesa.batch_run with seeds: Mesa before 3.4 sweeps `rng` as a parameter, later ones have an argument for it."""
    options = {"max_steps": steps, "number_processes": 1, "display_progress": False}
    if "rng" in inspect.signature(mesa.batch_run).parameters:
        return mesa.batch_run(World, parameters=parameters, rng=seeds, **options)
    return mesa.batch_run(World, parameters={**parameters, "rng": seeds}, **options)


if __name__ == "__main__":
    rows = batch({"preset": ["two-services", "low-fit"], "months": 36}, seeds=[1, 2, 3], steps=36)
    print(pd.DataFrame(rows).groupby("preset")[["uptake", "spread", "alignment"]].mean().round(2))
