-- How far deliveries (imports, the demo region) have come, so that an interrupted one can be continued.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- An import's rows are there only while it is under way; the demo region's plan stays.
create table delivery_progress (
    delivery  text collate "C" not null,         -- fingerprint of what was asked for
    piece     text collate "C" not null,         -- which part of it is done
    done      jsonb not null,                    -- what the part came to
    primary key (delivery, piece)
);
