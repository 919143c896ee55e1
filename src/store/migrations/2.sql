-- The visit of a user, from its code on. The numbers are in the order in which visits were made.
CREATE TABLE visit (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    note TEXT,                          -- null: it began without a code
    repeats TEXT,                       -- the code of the visit that it repeats
    made_at INTEGER NOT NULL,           -- seconds since 1970
    expires_at INTEGER NOT NULL,
    begun_at INTEGER,                   -- null: it has not begun, and what follows is null too
    source TEXT,                        -- the address of the user
    target TEXT,
    expected TEXT                       -- the media paths that calls should take, a list in JSON
) STRICT;

-- What the browser sent, and what ovcheck found itself: JSON as zlib (RFC 1950).
CREATE TABLE visit_report (
    visit INTEGER PRIMARY KEY REFERENCES visit ON DELETE CASCADE,
    result_at INTEGER,                  -- null: there is no result
    result BLOB,
    own BLOB                            -- null: its run has not ended
) STRICT;

-- The visits that began on a day: also those that are not kept.
CREATE TABLE visit_day (
    day INTEGER PRIMARY KEY,            -- days since 1970
    begun INTEGER NOT NULL
) STRICT;
