"""From logs to what people read: tables."""
