"""Files of gigs on their way to Kafka: read, mapped, surveyed, sent, and taken up again where a run broke off."""
