update nodes set private_url = 'http://node1:9090';
