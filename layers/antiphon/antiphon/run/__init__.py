"""How a response comes to be: create, conversation, loop, stream, fold. No HTTP, no AWS, no adapter."""
