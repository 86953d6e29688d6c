"""What was used: prices of tokens, the counters of the roll-ups, and reports of them."""
