"""The whole service in one process, without Docker or an AWS account."""
