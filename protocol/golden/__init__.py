"""What protocol/generate.py writes: golden frames, malformed inputs, schemas, README examples."""
