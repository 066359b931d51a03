"""What vendors and senders said, as received: kept first, before anything is made of it."""
