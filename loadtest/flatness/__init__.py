"""What an operation costs in a small database, and in a big one."""
