"""Herodex: from two lists to a served image classifier and name generator."""

from herodex.kernels import fix_kernels

# Before any module imports NumPy.
fix_kernels()
