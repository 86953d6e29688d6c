"""What an agent is, and what a request makes of it. No HTTP, no stores, no AWS."""
