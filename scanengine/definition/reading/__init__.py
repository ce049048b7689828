"""From the text of a scan file to tables: keys, lines, words, files that it names."""
