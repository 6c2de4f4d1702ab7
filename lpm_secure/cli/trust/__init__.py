"""Commands of keys, manifests and audits."""
