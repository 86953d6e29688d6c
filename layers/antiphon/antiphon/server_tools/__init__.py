"""The tools of agents that Antiphon runs: one folder for each kind of server."""
