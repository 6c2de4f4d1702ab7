"""The trees of comparison keys, by AES of a library or compiled with the processor's, with the same bytes."""
