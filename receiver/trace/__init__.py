"""Spans of what was done, made afterwards from the journal: nobody who waits for a 200 waits for one."""
