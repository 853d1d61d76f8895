"""The manifest: the table of a data set's clips, how it is read, written and divided."""
