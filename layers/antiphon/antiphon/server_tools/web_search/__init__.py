"""Searches of the web through Amazon Bedrock AgentCore, without a key of a vendor."""
