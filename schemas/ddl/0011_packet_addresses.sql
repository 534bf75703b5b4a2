-- An address is found in the packet-level fields too, where a NAT gateway leaves the real peer. One index serves any of
-- the four columns; the engine combines separate ones much less well (docs/physical-design.md). The engine builds it for
-- existing records in the background, part by part: until then a search reads more of them, and finds the same. The
-- former index costs next to nothing and stays: to drop it would wait for every part to be written anew.

ALTER TABLE flows
    ADD INDEX by_any_address (srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr) TYPE bloom_filter(0.025) GRANULARITY 4;

ALTER TABLE flows MATERIALIZE INDEX by_any_address SETTINGS mutations_sync = 0;
