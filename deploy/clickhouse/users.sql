-- Three users for a ClickHouse server: only what each command needs, and no access outside the store (no SOURCES).
-- Replace each SHA256_OF_... with the SHA-256 of a password, in hex: printf %s "$PASSWORD" | sha256sum

CREATE USER IF NOT EXISTS flowtrail_migrator IDENTIFIED WITH sha256_hash BY 'SHA256_OF_MIGRATOR';
GRANT CREATE DATABASE, CREATE TABLE, ALTER TABLE, SELECT, INSERT ON flowtrail.* TO flowtrail_migrator;

CREATE USER IF NOT EXISTS flowtrail_loader IDENTIFIED WITH sha256_hash BY 'SHA256_OF_LOADER';
GRANT SELECT, INSERT, ALTER DELETE ON flowtrail.* TO flowtrail_loader;
-- To find parts that were lost to a disk failure, and read their objects again.
GRANT SELECT ON system.detached_parts TO flowtrail_loader;

CREATE SETTINGS PROFILE IF NOT EXISTS flowtrail_reader SETTINGS
    readonly = 1,
    max_execution_time = 60,
    max_memory_usage = 4000000000,
    max_result_rows = 1000000;

CREATE USER IF NOT EXISTS flowtrail_reader IDENTIFIED WITH sha256_hash BY 'SHA256_OF_READER'
    SETTINGS PROFILE flowtrail_reader;
GRANT SELECT ON flowtrail.* TO flowtrail_reader;
-- For `flowtrail doctor`.
GRANT SELECT ON system.detached_parts TO flowtrail_reader;
