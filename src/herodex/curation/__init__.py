"""Data curation: checks, duplicates, label errors, review decisions and the split."""
