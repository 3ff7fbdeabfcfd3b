"""Measurements of speed, cost and quality, run by hand or by `make bench`."""
