"""The values: addresses, services, destinations, operations, connections. No I/O, no text of a command."""
