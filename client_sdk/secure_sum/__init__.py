"""An institution in a secure sum: its contribution, its journal, its messages."""
