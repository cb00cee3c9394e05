insert into nodes (node_id) values ('node1#0a1b2c3d');
