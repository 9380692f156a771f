"""What drills share: cases, models, workers and databases that are broken or killed, and a count of what came of it."""
