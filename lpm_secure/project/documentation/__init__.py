"""What a type of a file says of its keys: comments of templates, and schemas for editors."""
