-- An address is found in the packet-level fields too, where a NAT gateway leaves the real peer. One index serves any of
-- the four columns; the engine combines separate ones much less well (docs/physical-design.md). The former index goes
-- when the new one is complete, so that a search is never slower meanwhile.

ALTER TABLE flows
    ADD INDEX by_any_address (srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr) TYPE bloom_filter(0.025) GRANULARITY 4;

ALTER TABLE flows MATERIALIZE INDEX by_any_address SETTINGS mutations_sync = 2;

ALTER TABLE flows DROP INDEX by_address;
