"""What only Lambda knows: events, the streaming runtime, logging, secrets.

It must not know what the application answers; it carries ASGI messages to and from AWS.
"""
