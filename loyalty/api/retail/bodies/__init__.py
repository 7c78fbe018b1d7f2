"""What the Retail API takes: the shapes of request bodies."""
