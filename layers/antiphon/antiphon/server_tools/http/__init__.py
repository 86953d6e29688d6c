"""HTTP APIs that an OpenAPI document describes, compiled when an agent is applied (docs/adr/0029)."""
