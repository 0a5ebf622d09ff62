"""The claims of the studies behind this model as hypotheses that can fail: one TOML file each, all run alike."""
