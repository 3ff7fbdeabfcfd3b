"""The demo web: a seeded, deterministic stand-in for the live web, with its faults.

It plays many hosts under the reserved top-level domain `.test` (RFC 6761) by being their HTTP proxy on a
loopback port. So its URLs hold no port, and no request to it can reach the real network.
"""
