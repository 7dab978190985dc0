"""What a reader must know before the numbers of some logs: what they lack, what they rest on, and where they do not agree."""
