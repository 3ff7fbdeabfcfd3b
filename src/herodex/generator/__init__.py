"""Name generator: preparation of names, training, evaluation, sampling and scoring."""
