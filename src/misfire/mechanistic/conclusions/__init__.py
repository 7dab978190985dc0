"""What the numbers of the analyses allow one to say."""
