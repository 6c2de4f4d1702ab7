"""Processes of this machine: started anew, or forked from one that has imported what they need."""
