"""What every scenario is given: users on many connections, a pace, checks, and figures."""
