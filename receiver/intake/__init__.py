"""The way in: takes a callback, has it proven and made safe, and only then answers 200."""
