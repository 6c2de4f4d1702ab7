"""A project's whole deployment on made-up people: before a real person is asked."""
