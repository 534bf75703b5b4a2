-- A log's format may have neither start nor end: its records then have the time that the object's name gives.

ALTER TABLE flows ADD COLUMN time_source LowCardinality(String) AFTER extra;

ALTER TABLE coverage ADD COLUMN time_source LowCardinality(String) AFTER log_status;

ALTER TABLE tgw_flows ADD COLUMN time_source LowCardinality(String) AFTER extra;

ALTER TABLE tgw_coverage ADD COLUMN time_source LowCardinality(String) AFTER log_status;
