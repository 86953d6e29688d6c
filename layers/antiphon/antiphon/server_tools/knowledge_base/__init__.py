"""Knowledge bases of Amazon Bedrock as tools that search files."""
