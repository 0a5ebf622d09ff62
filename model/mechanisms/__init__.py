"""The mechanisms, one file each. The order of the month is `state.MECHANISMS`; `engine.advance` calls them."""
