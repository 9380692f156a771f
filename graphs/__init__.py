"""The order of work: the state machine of one case, and what decides whether it goes to a person."""
