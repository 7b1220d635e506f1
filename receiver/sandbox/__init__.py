"""A provider at your desk: signed samples, a simulator with faults, a service in one process, fakes of the ports."""
