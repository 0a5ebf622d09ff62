"""The commands with their options, by family; what is heavy is imported inside them, so that help is there at once."""
