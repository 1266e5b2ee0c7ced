"""Reading arrays and tables from files, strictly: nothing is guessed, and nothing in a file is executed."""
