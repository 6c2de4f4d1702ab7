"""Analyses as the command line and a program ask for them: each is one function here, which commands call, too."""
