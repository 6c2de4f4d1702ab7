"""Messages between parties: what each says, as bytes, and how a call reaches another party."""
