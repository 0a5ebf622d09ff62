"""Things that people do so that an innovation spreads, in their words, with what they cost and what they change."""
