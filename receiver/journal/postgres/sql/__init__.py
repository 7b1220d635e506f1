"""SQL in files: migrations by number, and statements by name, one file for each store."""
