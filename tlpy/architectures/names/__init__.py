"""What others call the weights of our networks: a table a family, so that their files load."""
