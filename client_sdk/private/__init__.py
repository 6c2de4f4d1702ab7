"""What a client keeps to itself: states, contacts, a device's keys and slots, and the files that hold them."""
