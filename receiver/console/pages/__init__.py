"""One module for each page: a function that is given desk and question, and gives a template and its values."""
