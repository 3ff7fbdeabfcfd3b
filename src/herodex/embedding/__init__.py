"""Backbone features of images, computed once and cached."""
