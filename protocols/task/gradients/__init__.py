"""What a manifest says of derivatives, and where they stand in a vector."""
