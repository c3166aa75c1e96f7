-- What was said of a picture, and when, stays on record whatever program writes here.
CREATE FUNCTION provenance.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the changes of a bank are only ever added to';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provenance.change
    FOR EACH STATEMENT EXECUTE FUNCTION provenance.refuse();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provenance.feature
    FOR EACH STATEMENT EXECUTE FUNCTION provenance.refuse();
