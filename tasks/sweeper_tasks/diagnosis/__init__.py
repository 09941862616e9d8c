"""Whether a patient has a rare disease, from a table of findings; a network with two heads."""
