-- Both have written in some; in the others nobody knows, as before this level.
update conversations set low_wrote = true, high_wrote = false where direct_low is not null;
