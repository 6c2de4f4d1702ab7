"""New York in spring 2020 by the literature, against reported admissions."""
