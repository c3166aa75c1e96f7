-- Banks, their changes in the order in which they were committed, and who holds an id.
CREATE TABLE provenance.bank (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    created text NOT NULL,
    changes bigint NOT NULL DEFAULT 0 CHECK (changes >= 0)
);

-- `seq` counts from 1 within a bank, without gaps: it is given under the lock of the bank's row, so
-- that a reader who has seen a number has seen all below it. A plain sequence would not promise that.
CREATE TABLE provenance.change (
    bank integer NOT NULL REFERENCES provenance.bank,
    seq bigint NOT NULL CHECK (seq > 0),
    id text COLLATE "C" NOT NULL,
    entry text NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (bank, seq)
);

CREATE TABLE provenance.entry (
    bank integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (bank, id),
    FOREIGN KEY (bank, seq) REFERENCES provenance.change
);

-- Local features with their small copy, by the change that brought them. They are dense already, and
-- stored plainly the server can cut off their heads without reading the rest.
CREATE TABLE provenance.feature (
    bank integer NOT NULL,
    seq bigint NOT NULL,
    block bytea NOT NULL,
    PRIMARY KEY (bank, seq),
    FOREIGN KEY (bank, seq) REFERENCES provenance.change
);
ALTER TABLE provenance.feature ALTER COLUMN block SET STORAGE EXTERNAL;
