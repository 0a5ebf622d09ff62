"""Published facts as data (one TOML file each), and how each is estimated from what the model simulates."""
