from typing import Any

import numpy as np

def sample(
    problem: dict[str, Any], N: int, num_levels: int = ..., *, seed: np.random.Generator | None = ...
) -> np.ndarray: ...
