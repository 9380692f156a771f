"""What drills share: cases, a scripted model in a process of its own, databases, and the log of what was asked."""
