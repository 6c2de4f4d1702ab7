"""How likely what agents of a graph drew was, and how that moves with parameters: for scores and alternatives."""
