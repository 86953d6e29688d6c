"""The command ``antiphon``: tenants, roles, groups, users, agents, grants and keys, in any store of a deployment."""
