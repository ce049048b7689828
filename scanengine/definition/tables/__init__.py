"""The tables of a scan file: for each, what it may hold and what is made of it."""
