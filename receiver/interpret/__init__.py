"""From the inbox to the outbox: what a callback means, and its place in its operation's order."""
