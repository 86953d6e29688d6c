"""The OpenAPI document, built from the route table, the models and the error codes. Not part of the Lambda layer."""
