"""How each provider's API is asked: one module per provider that has one, all of one shape (``provider.Api``)."""
