"""Tools that clients run: each is a function to the model, and its calls are the items that its client expects."""
