"""argv -> request -> client + listing."""
