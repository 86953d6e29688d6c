"""Calls to AWS: credentials, signatures, endpoints and secrets."""
