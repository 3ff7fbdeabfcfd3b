"""The models in this process, without a server: for the command line and for notebooks."""
