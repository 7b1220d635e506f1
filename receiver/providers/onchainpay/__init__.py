"""OnchainPay (ApolloPayment)."""
