"""Where answers come from: the network, or recordings of it."""
