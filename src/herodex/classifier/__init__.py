"""Training of the classifier: head, recipes, model selection, OOD calibration."""
