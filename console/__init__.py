"""The reviewers' pages: rendered here, in the process of the API, deciding through the same calls as the API."""
