update media_objects
set attempt_id = pg_temp.id('attempt'), leased_until = now(), failures = 1, error_code = 'broken', not_available = 'ffmpeg'
where media_id = pg_temp.id('unfinished picture');
