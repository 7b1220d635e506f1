"""A receiver for exchange callbacks: verified, kept, understood, and published to Kafka exactly once and in order.

Read downwards, the modules are the way of a callback: ``intake`` takes it, ``admit`` proves it, the inbox keeps it,
``interpret`` understands it, ``lifecycle`` finds its place, the outbox keeps that, ``routing`` addresses it,
``interpret`` publishes it.
"""
