"""What a reader must know before the numbers: what logs lack, and what their numbers rest on."""
