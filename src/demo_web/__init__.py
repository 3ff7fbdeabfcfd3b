"""The demo web: a deterministic replica of an image web and its faults, drawn from a seed.

An HTTP proxy on a loopback port serves many hosts under the reserved top-level domain `.test` (RFC 6761). So
the URLs contain no port, and no request reaches the real network.
"""
