"""A real Kafka broker and a real PostgreSQL, from wheels alone."""
