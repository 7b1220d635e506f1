"""CryptoExchange."""
