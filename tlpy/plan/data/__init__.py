"""What a plan knows of the data: tables and headers, splits, caches to prepare."""
