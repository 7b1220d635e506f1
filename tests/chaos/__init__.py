"""The thing that tries to break the promises: a load, faults chosen by seed, and an oracle that counts.

It knows the service only from outside: HTTP, the command line, Kafka, and the journal's files at the end. It signs and
reads by its own few lines, written from the providers' contracts, so that an error in the service cannot hide in it.
"""
