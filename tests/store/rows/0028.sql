update users set is_active = false, deactivated_at = now() where username = 'bob';
