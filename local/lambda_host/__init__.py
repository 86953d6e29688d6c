"""`make lambda`: the real functions as real processes behind a local Runtime API, as Lambda would run them."""
