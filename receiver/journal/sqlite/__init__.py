"""The journal on SQLite: a folder of files. The only code that imports apsw."""
