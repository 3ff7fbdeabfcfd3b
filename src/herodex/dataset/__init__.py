"""Schemas of the tables that travel between stages."""
