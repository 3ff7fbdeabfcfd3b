"""Models as one self-contained file each, in formats of other runtimes."""
