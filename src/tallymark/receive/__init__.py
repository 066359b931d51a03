"""What is pushed to us: acknowledged after it is durable, in the lake exactly once."""
