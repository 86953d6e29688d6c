"""The command line, `antiphon`: keys, agents, grants, users, roles and groups of a local or a deployed stack."""
