"""A questionnaire as a diagnosis: how aligned people are, what the misfit is about, what moved between two waves."""
