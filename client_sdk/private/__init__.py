"""What a client keeps to itself: states, contacts, and the files that hold them."""
