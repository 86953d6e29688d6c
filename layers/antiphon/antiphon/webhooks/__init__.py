"""Events for systems outside: what happened to responses, signed and sent to the webhooks of a tenant."""
