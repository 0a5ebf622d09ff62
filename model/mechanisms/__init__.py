"""The mechanisms, one file each. The order of the month is `parameters.MECHANISMS`; `engine.month_steps` calls them."""
