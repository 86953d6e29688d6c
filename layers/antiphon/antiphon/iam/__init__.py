"""Who we are to AWS: credentials, signatures, regions and partitions. It must not know what is asked of a service."""
