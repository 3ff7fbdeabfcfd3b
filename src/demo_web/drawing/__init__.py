"""Drawings of heroes from a table of costumes and a seed."""
