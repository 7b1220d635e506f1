"""What a provider is to us, and one folder for each: how it signs, what its words mean, how its API is asked. Pure."""
