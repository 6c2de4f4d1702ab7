"""A party's kit: the folder that it starts from, and what it checks of it before it does."""
