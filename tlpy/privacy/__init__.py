"""What is published: pseudonyms in the place of ids, and no pictures where none are wanted."""
