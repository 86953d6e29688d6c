"""Who answers: a model bound to its provider, its fallbacks, one model turn, and what it used."""
