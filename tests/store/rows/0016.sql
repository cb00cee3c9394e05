-- The audit log writes down what is changed.
update users set full_name = 'Alice Liddell' where user_id = pg_temp.who('alice');
