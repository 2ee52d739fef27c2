"""From a params file to a plan: schema, search space, deduplication, digests."""
