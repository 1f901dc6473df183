-- +goose Up
-- Blocks come in sorted and once, so nothing is gained by merging them early: as
-- shipped, every row was merged 7.6 times within half a minute of inserting (3.0 of
-- 0.4 million rows, 114 merges), so 1.6 times (21 merges). It keeps no more than a few
-- dozen parts of a month.
ALTER TABLE decision MODIFY SETTING merge_selector_base = 20;
