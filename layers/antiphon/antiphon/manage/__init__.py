"""What operators do: agents, keys, people, limits, grants and responses, the same by HTTP, command line and console."""
