"""What only AWS Lambda has: the streaming runtime, buffered functions, logs, metrics and traces."""
