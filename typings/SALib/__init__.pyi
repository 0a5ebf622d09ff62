"""Of SALib, which has no types that pyright takes: the samplers of experiments/sensitivity/samples.py."""
