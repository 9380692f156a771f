"""Image checks: what code can tell about pictures that strangers sent, without trusting them."""
