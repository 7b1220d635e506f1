"""The providers, by slug: an explicit registry. A new one is a module of the same shape and a line here."""

from collections.abc import Mapping

from receiver.provider import Provider
from receiver.providers import calypso, cryptoexchange, onchainpay, zeroxpay

PROVIDERS: Mapping[str, Provider] = {
    provider.slug: provider
    for provider in (zeroxpay.PROVIDER, onchainpay.PROVIDER, calypso.PROVIDER, cryptoexchange.PROVIDER)
}
