"""What people read, on paper and on a terminal: manifests and models in words, pages and their parts."""
