"""From image bytes to an answer; all that serving needs, nothing that trains."""
