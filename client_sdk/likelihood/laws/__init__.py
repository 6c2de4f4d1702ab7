"""Laws of a series around what is expected of it, one file each."""
