update users set deactivated_at = now() where username = 'bob';
