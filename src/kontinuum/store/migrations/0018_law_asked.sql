-- What a search's scope asks of the tables of the law. PostgreSQL opens and locks every table that a statement
-- mentions, needed or not; a function's are opened when it is called first, and only its answer is waited for.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- A care relation of a patient with a unit, or with one person there, is in force.
create function law_relates(bucket_ smallint, patient_ text, unit_ text, person_ text, moment bigint)
returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from care_relation x
                    where x.bucket = bucket_ and x.patient = patient_ and x.unit = unit_
                      and x.low <= moment and x.high > moment and x.person in ('', person_));
end $$;

-- The units whose documentation a person at a unit has chosen to read.
create function law_chosen(bucket_ smallint, patient_ text, unit_ text, person_ text, moment bigint)
returns text[] language plpgsql stable parallel safe as $$
begin
    return array(select x.target from active_choice x
                  where x.bucket = bucket_ and x.patient = patient_ and x.person = person_ and x.unit = unit_
                    and x.low <= moment and x.high > moment);
end $$;

-- A consent to read other care providers' data, for a provider, its unit and a person there, is in force.
create function law_consents(
    bucket_ smallint, patient_ text, provider_ text, unit_ text, person_ text, moment bigint
) returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from consent x
                    where x.bucket = bucket_ and x.patient = patient_ and x.provider = provider_
                      and x.unit in ('', unit_) and x.low <= moment and x.high > moment
                      and x.person in ('', person_));
end $$;

-- A person at a unit has opened the record in an emergency.
create function law_opened(bucket_ smallint, patient_ text, unit_ text, person_ text, moment bigint)
returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from opening x
                    where x.bucket = bucket_ and x.patient = patient_ and x.person = person_ and x.unit = unit_
                      and x.low <= moment and x.high > moment);
end $$;

-- The patient has blocked something.
create function law_blocks(bucket_ smallint, patient_ text)
returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from block x where x.bucket = bucket_ and x.patient = patient_);
end $$;

-- A block of a level covers a resource (of a provider, unit, clinical time and type) and is not lifted for a
-- reading unit or a person there.
create function law_covers(
    level_ text, bucket_ smallint, patient_ text, provider_ text, unit_ text, sort_ bigint, type_ smallint,
    reading_unit text, reader text, moment bigint
) returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from block b
                    where b.bucket = bucket_ and b.patient = patient_ and b.level = level_
                      and b.provider = provider_ and b.unit in ('', unit_)
                      and sort_ >= b.low and sort_ < b.high and type_ <> all(b.kept)
                      and not exists (select from lift l
                                       where l.bucket = b.bucket and l.patient = b.patient and l.block = b.key
                                         and l.unit = reading_unit and l.low <= moment and l.high > moment
                                         and l.person in ('', reader)));
end $$;

-- The care providers whose data are offered to others only where they have told the patient: nearly always none.
create function law_telling(moment bigint) returns text[] language plpgsql stable parallel safe as $$
begin
    return array(select x.provider from offering x where x.since > moment);
end $$;

-- A care provider has told a patient that its data are offered to others.
create function law_told(bucket_ smallint, patient_ text, provider_ text, moment bigint)
returns boolean language plpgsql stable parallel safe as $$
begin
    return exists (select from informed x
                    where x.bucket = bucket_ and x.patient = patient_ and x.provider = provider_
                      and x.low <= moment);
end $$;
