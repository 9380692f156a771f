"""Cases in, exactly one decision out: store, queue, worker, events and API on PostgreSQL."""
