"""A journal in a browser: what the commands show and ask for, as pages. Reads by itself, changes only by requests."""
