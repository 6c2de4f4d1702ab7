"""Derivatives of expected outputs of the discrete epidemic by its parameters.

`problem` says what is differentiated: people, parameters, outputs, and one run of them; `estimators` are seven
answers, with or without bias; `private` takes derivatives over clients whose agents stay where they are.
"""
