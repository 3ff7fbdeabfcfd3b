"""Evaluation of the exported classifier on the test part."""
