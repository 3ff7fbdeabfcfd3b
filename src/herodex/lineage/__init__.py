"""Where models come from: lineage, registry, packaging, model cards and the report page."""
