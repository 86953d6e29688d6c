"""A DynamoDB on a real socket, for functions that run as processes of their own; this process's boto3 is moto's too."""

from local.lambda_host.dynamodb import serve_here as dynamodb

__all__ = ["dynamodb"]
