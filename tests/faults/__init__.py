"""The promise, while everything breaks.

Clients of the SDK (`actor`, `operations`, `stream`) work on three nodes (`world`, `node`,
`engines`) in which things are killed, stopped, cut off and starved (`faults`, `relay`) by a
`schedule`. They write down what they did and saw (`log`). Then the `checker` compares that with
what Postgres holds (`truth`), and it knows nothing of how the server works.

test_schedules.py has each fault once; `make faults SEED=7 MINUTES=10` does all of them at random;
test_planted.py shows that bugs in the server and in the client are found.

What this does not prove: fsync is off here, and a killed process loses nothing that the kernel has.
Of a power cut it says nothing.
"""
