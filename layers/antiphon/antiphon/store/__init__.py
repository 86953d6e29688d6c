"""Where things are kept: the adapters behind the store ports. They do not know each other, HTTP, or providers."""
