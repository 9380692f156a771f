"""The HTTP API: each file one kind of request, on the functions of the room around it."""
