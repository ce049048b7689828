"""How the numbers of a grid become the bytes of chunks."""
