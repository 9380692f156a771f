"""What can be looked up: one file a tool. Tools are read-only; what they return is evidence."""
