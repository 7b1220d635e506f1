"""A receiver for exchange callbacks: verified, kept, understood, and published to Kafka exactly once and in order.

The way of a callback through the rooms: ``intake`` takes it and has its provider prove it, the ``journal`` makes it
safe before anybody is told 200, ``interpret`` says what it means and where in its operation's order it belongs, the
``journal`` keeps that too, and ``publish`` takes it to Kafka. What nobody told us ``reconcile`` asks the providers for;
their answers go into the ``journal`` and the same way from there.
"""
