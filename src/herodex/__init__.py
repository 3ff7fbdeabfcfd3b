"""Herodex: from two lists to a served image classifier and name generator."""
