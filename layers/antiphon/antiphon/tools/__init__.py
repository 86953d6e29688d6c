"""What reaches out on a caller's behalf. ``net`` is the one guarded door for URLs that a caller chose."""
