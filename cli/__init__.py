"""The command ``antiphon``: manages a deployment through its stores, and talks to a server over HTTP."""
