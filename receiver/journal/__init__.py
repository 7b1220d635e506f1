"""Where callbacks are made safe and events wait: ports, retention, and an engine in a folder of its own."""
