"""Between the nodes: the only room that knows redis. Every key there is:

| key                     | type   | what                                  | ends                      |
|-------------------------|--------|---------------------------------------|---------------------------|
| {prefix}:node:{node_id} | stream | what this run of a node is to deliver | 60 s after its last probe |
| {prefix}:healthy        | zset   | node_id -> unix s: Postgres took its write | trimmed to 3 s by each probe |
| {prefix}:limit:{{subject}} | string | us since 1970: GCRA's TAT, see limits.py | when it is past |
| {prefix}:online:{node_id} | set | users connected to this run of a node, and "" | 15 s after its last turn |
| {prefix}:online         | zset   | node_id -> unix s of its last turn    | trimmed to 60 s by each turn |
| {prefix}:presence       | stream | ids of users of whom something has changed | 1,000 entries; 60 s after the last |
| {prefix}:limit:{{mark}} | string | an account was got into from an address | after 30 days |
| {prefix}:trending:topics:{window} | string | JSON: [ms since 1970, [topic ids, the best first]] | after 10 minutes |

A node reads one stream, its own, and writes to those of its peers. An entry has one field, `b`:
the MessagePack array described in `entry.py`. Commands are those of Redis 6.2.
"""  # noqa: E501  (a table)
