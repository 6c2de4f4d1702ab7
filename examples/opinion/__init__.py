"""A model of one's own: opinions that hold while enough of a person's contacts share them."""
