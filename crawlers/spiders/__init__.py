"""Spiders for image searches, image downloads and sources of names."""
