"""The model providers: one folder for each, with its ``description`` and its adapter, and what they share."""
