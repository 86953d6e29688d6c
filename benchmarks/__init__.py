"""What Antiphon costs, each figure beside its floor in the same run. Nothing here is a test: no figure is asserted."""
