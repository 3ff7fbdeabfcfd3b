"""Item pipelines: from a search result to a picture on disk."""
