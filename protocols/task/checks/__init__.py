"""What spans the parts of a manifest: checked here alone, when one is made."""
