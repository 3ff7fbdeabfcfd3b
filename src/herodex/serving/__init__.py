"""HTTP layer of the service: request checks, limits, metrics, logs and the page."""
