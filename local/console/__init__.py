"""The console: a page for operators on this machine, over the operations of ``manage``."""
