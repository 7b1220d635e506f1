"""The words of the house as values: callback, operation, record, error; exact JSON, times, money. Imports no room."""
