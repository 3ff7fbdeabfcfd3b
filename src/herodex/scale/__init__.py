"""The engine that runs a stage's shards: this machine's threads, or the nodes of Ray."""
