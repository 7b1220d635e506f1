"""The providers, by slug: an explicit registry. A new one is a module of the same shape and a line here."""

from collections.abc import Mapping

from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Provider
from receiver.providers.cryptoexchange import callbacks as cryptoexchange
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay

PROVIDERS: Mapping[str, Provider] = {
    provider.slug: provider
    for provider in (zeroxpay.PROVIDER, onchainpay.PROVIDER, calypso.PROVIDER, cryptoexchange.PROVIDER)
}
