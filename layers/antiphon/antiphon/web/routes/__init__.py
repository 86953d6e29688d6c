"""The routes, one module for each function. A route reads, calls the inside, and writes; it decides nothing."""
