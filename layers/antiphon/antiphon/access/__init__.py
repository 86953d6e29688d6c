"""Who may: keys, principals, roles, grants, the effective limits, and the decision. Pure: no I/O, no HTTP, no AWS."""
