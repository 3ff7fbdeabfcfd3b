"""The review page, on which a person overrules the cleaning."""
