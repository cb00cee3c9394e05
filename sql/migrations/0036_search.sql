-- min_code: 0.1.0

-- What two texts are compared by when something is searched for: without case, accents and other marks on Latin, Greek
-- and Cyrillic letters, and without the punctuation that would make one word of several (addresses, file names). Of
-- scripts that put no spaces between words (Han, kana) each character is a word. Immutable, since an index is of it:
-- what it gives must not be changed, only another function made.
create function search_fold(said text) returns text
language sql immutable parallel safe
return case when octet_length(said) = char_length(said)
    then lower(translate(said, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                '))
    else regexp_replace(lower(normalize(regexp_replace(normalize(
             translate(said, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~’', '                                 '),
             nfkd), '[\u0300-\u036f]+', '', 'g'), nfkc)),
         '([\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
         ' \1 ', 'g') end;

-- The words of a message, in no language: nobody knows in which one it is written. Stop words are in it too.
create function search_words(said text) returns tsvector
language sql immutable parallel safe
return to_tsvector('simple', search_fold(said));

-- While it is made, nobody can send. Its list of what is to be sorted in is kept short, since a search reads all of it.
create index messages_words on messages using gin (search_words(content)) with (gin_pending_list_limit = 256);
comment on index messages_words is 'search.find: which messages have these words';
