"""One scan from its definition to a result: what is evaluated, how, and what becomes of it."""
