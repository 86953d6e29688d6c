"""AWS Lambda functions as tools."""
