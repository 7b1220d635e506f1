"""SQL in files: named, described, one folder."""
