"""The guarded door: how URLs that a caller chose are opened."""
