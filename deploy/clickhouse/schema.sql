-- Written by `outbid store ddl` out of reporting/schema.py: do not edit it, write it anew.
-- The reporter makes all of this by itself when it starts.

CREATE DATABASE IF NOT EXISTS outbid;

USE outbid;

CREATE TABLE IF NOT EXISTS bids (
    `time_ns` UInt64,
    `bid` UInt64,
    `imp` UInt32,
    `auction` String,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `price` Int64,
    `floor` Int64,
    `currency` LowCardinality(String),
    `width` Int64,
    `height` Int64,
    `country` LowCardinality(String),
    `device_type` Int64,
    `test` UInt8,
    `context` UInt32,
    `features` String,
    `model` UInt32,
    `ctr` Float64,
    `cvr` Float64,
    `shadow_model` UInt32,
    `shadow_ctr` Float64,
    `explored` UInt8,
    `value` Int64,
    `full_price` Int64,
    `facts` UInt8,
    `fraud` UInt32,
    `device_risk` UInt32,
    `credit_score` UInt32,
    `pd` Float64,
    `p_approved` Float64,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(time_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(time_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `time_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS no_bids (
    `time_ns` UInt64,
    `auction` String,
    `exchange` UInt32,
    `reason` Int64,
    `stage` LowCardinality(String),
    `weight` UInt32,
    `site` UInt64,
    `country` LowCardinality(String),
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(time_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(time_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`exchange`, `reason`, `time_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS wins (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS billings (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS losses (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS impressions (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS clicks (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS events (
    `received_ns` UInt64,
    `marks` UInt32,
    `bid` UInt64,
    `imp` UInt32,
    `bid_ns` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `lease` UInt64,
    `rate` UInt32,
    `max_price` Int64,
    `basis` UInt8,
    `price` Int64,
    `loss_reason` Int64,
    `min_to_win` Int64,
    `terms` UInt32,
    `multiplier` Int64,
    `imp_ms` UInt64,
    `mbr` Int64,
    `discount_share` Int64,
    `discount` Int64,
    `device` UInt32,
    `household` UInt32,
    `context` UInt32,
    `batch` UInt64,
    `event` UInt8,
    `error` UInt32,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS conversions (
    `received_ns` UInt64,
    `marks` UInt32,
    `advertiser` UInt32,
    `event` LowCardinality(String),
    `order` String,
    `value` Int64,
    `currency` LowCardinality(String),
    `source` LowCardinality(String),
    `bid` UInt64,
    `click_ns` UInt64,
    `exchange` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `person` UInt64,
    `happened_ns` UInt64,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS visits (
    `received_ns` UInt64,
    `marks` UInt32,
    `advertiser` UInt32,
    `page` String,
    `url` String,
    `bid` UInt64,
    `person` UInt64,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `page`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS settlements (
    `id` UInt64,
    `received_ns` UInt64,
    `bid` UInt64,
    `exchange` UInt32,
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `price` Int64,
    `currency` LowCardinality(String),
    `account_price` Int64,
    `account_currency` LowCardinality(String),
    `estimated` UInt8,
    `marks` UInt32,
    `fees` Int64,
    `number` UInt32,
    `context` UInt32,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS attributions (
    `received_ns` UInt64,
    `advertiser` UInt32,
    `event` LowCardinality(String),
    `order` String,
    `value` Int64,
    `currency` LowCardinality(String),
    `person` UInt64,
    `kind` UInt8,
    `touch_ns` UInt64,
    `bid` UInt64,
    `exchange` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `deal` UInt32,
    `site` UInt64,
    `context` UInt32,
    `sign` Int8,
    `made_ns` UInt64,
    `batch` UInt64,
    time DateTime('UTC') MATERIALIZED toDateTime(intDiv(received_ns, 1000000000), 'UTC'),
    day Date MATERIALIZED toDate(toDateTime(intDiv(received_ns, 1000000000), 'UTC'), 'UTC')
) ENGINE = MergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `received_ns`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS names (
    `dimension` LowCardinality(String),
    `id` UInt64,
    `key` String,
    `name` String,
    `currency` String,
    `format` LowCardinality(String),
    `version` UInt64,
    `parent` UInt64,
    `size` LowCardinality(String)
) ENGINE = ReplacingMergeTree(version) ORDER BY (`dimension`, `id`);

CREATE TABLE IF NOT EXISTS batches (
    `log` String,
    `start` UInt64,
    `end` UInt64
) ENGINE = ReplacingMergeTree(end) ORDER BY (`log`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS delivery_minute (
    `day` Date,
    `time` DateTime('UTC'),
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `exchange` UInt32,
    `currency` LowCardinality(String),
    `bids` Int64,
    `bid_price` Int64,
    `wins` Int64,
    `wins_priced` Int64,
    `win_price` Int64,
    `win_max_price` Int64,
    `impressions` Int64,
    `clicks` Int64,
    `losses` Int64,
    `starts` Int64,
    `first_quartiles` Int64,
    `midpoints` Int64,
    `third_quartiles` Int64,
    `completes` Int64,
    `measured` Int64,
    `viewable` Int64,
    `conversions` Int64,
    `billed` Int64,
    `spend` Int64,
    `fees` Int64,
    `exchange_spend` Int64,
    `click_conversions` Int64,
    `view_conversions` Int64,
    `conversion_value` Int64,
    `click_value` Int64
) ENGINE = SummingMergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `creative`, `exchange`, `currency`, `time`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS delivery_hour (
    `day` Date,
    `time` DateTime('UTC'),
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `exchange` UInt32,
    `currency` LowCardinality(String),
    `bids` Int64,
    `bid_price` Int64,
    `wins` Int64,
    `wins_priced` Int64,
    `win_price` Int64,
    `win_max_price` Int64,
    `impressions` Int64,
    `clicks` Int64,
    `losses` Int64,
    `starts` Int64,
    `first_quartiles` Int64,
    `midpoints` Int64,
    `third_quartiles` Int64,
    `completes` Int64,
    `measured` Int64,
    `viewable` Int64,
    `conversions` Int64,
    `billed` Int64,
    `spend` Int64,
    `fees` Int64,
    `exchange_spend` Int64,
    `click_conversions` Int64,
    `view_conversions` Int64,
    `conversion_value` Int64,
    `click_value` Int64
) ENGINE = SummingMergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `creative`, `exchange`, `currency`, `time`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS delivery_day (
    `day` Date,
    `time` DateTime('UTC'),
    `advertiser` UInt32,
    `campaign` UInt32,
    `line_item` UInt32,
    `creative` UInt32,
    `exchange` UInt32,
    `currency` LowCardinality(String),
    `bids` Int64,
    `bid_price` Int64,
    `wins` Int64,
    `wins_priced` Int64,
    `win_price` Int64,
    `win_max_price` Int64,
    `impressions` Int64,
    `clicks` Int64,
    `losses` Int64,
    `starts` Int64,
    `first_quartiles` Int64,
    `midpoints` Int64,
    `third_quartiles` Int64,
    `completes` Int64,
    `measured` Int64,
    `viewable` Int64,
    `conversions` Int64,
    `billed` Int64,
    `spend` Int64,
    `fees` Int64,
    `exchange_spend` Int64,
    `click_conversions` Int64,
    `view_conversions` Int64,
    `conversion_value` Int64,
    `click_value` Int64
) ENGINE = SummingMergeTree PARTITION BY day ORDER BY (`advertiser`, `campaign`, `line_item`, `creative`, `exchange`, `currency`, `time`) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS tallies (
    `log` String,
    `fact` LowCardinality(String),
    `hour` UInt32,
    `advertiser` UInt32,
    `rows` Int64,
    `counted` Int64,
    `amount` Int64,
    `billable` Int64,
    `newest_ns` UInt64,
    `start` UInt64,
    `end` UInt64
) ENGINE = MergeTree ORDER BY (`log`, `hour`, `fact`, `advertiser`);

CREATE TABLE IF NOT EXISTS migrations (
    `number` UInt32,
    `title` String
) ENGINE = MergeTree ORDER BY (`number`);

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_bids TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS bids, toInt64(sum(price)) AS bid_price FROM bids WHERE test = 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_wins TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS wins, toInt64(countIf(bitAnd(marks, 80) = 64)) AS wins_priced, toInt64(sumIf(price, bitAnd(marks, 80) = 64)) AS win_price, toInt64(sumIf(max_price, bitAnd(marks, 80) = 64)) AS win_max_price FROM wins WHERE bitAnd(marks, 41) = 0 AND bitAnd(marks, 64) != 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_billings TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS wins, toInt64(countIf(bitAnd(marks, 80) = 64)) AS wins_priced, toInt64(sumIf(price, bitAnd(marks, 80) = 64)) AS win_price, toInt64(sumIf(max_price, bitAnd(marks, 80) = 64)) AS win_max_price FROM billings WHERE bitAnd(marks, 41) = 0 AND bitAnd(marks, 64) != 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_impressions TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS impressions, toInt64(countIf(bitAnd(marks, 64) != 0)) AS wins, toInt64(countIf(bitAnd(marks, 80) = 64)) AS wins_priced, toInt64(sumIf(price, bitAnd(marks, 80) = 64)) AS win_price, toInt64(sumIf(max_price, bitAnd(marks, 80) = 64)) AS win_max_price FROM impressions WHERE bitAnd(marks, 41) = 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_clicks TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS clicks FROM clicks WHERE bitAnd(marks, 41) = 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_losses TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS losses FROM losses WHERE bitAnd(marks, 41) = 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_events TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(countIf(event = 1)) AS starts, toInt64(countIf(event = 2)) AS first_quartiles, toInt64(countIf(event = 3)) AS midpoints, toInt64(countIf(event = 4)) AS third_quartiles, toInt64(countIf(event = 5)) AS completes, toInt64(countIf(event IN (12, 13))) AS measured, toInt64(countIf(event = 12)) AS viewable FROM events WHERE bitAnd(marks, 41) = 0 AND event IN (1, 2, 3, 4, 5, 12, 13) GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_conversions TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(count()) AS conversions FROM conversions WHERE bitAnd(marks, 41) = 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_settlements TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, account_currency AS currency, toInt64(countIf(number = 0)) AS billed, toInt64(sum(account_price)) AS spend, toInt64(sum(fees)) AS fees, toInt64(sum(price)) AS exchange_spend FROM settlements WHERE 1 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_attributions TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, '' AS currency, toInt64(sumIf(sign, kind = 1)) AS click_conversions, toInt64(sumIf(sign, kind = 2)) AS view_conversions FROM attributions WHERE kind IN (1, 2) GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minute_of_attributions_value TO delivery_minute AS SELECT day, toStartOfMinute(time) AS time, advertiser, campaign, line_item, creative, exchange, currency AS currency, toInt64(sum(value * sign)) AS conversion_value, toInt64(sumIf(value * sign, kind = 1)) AS click_value FROM attributions WHERE kind IN (1, 2) AND value != 0 GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_hour_sums TO delivery_hour AS SELECT day, toStartOfHour(time) AS time, advertiser, campaign, line_item, creative, exchange, currency, sum(bids) AS bids, sum(bid_price) AS bid_price, sum(wins) AS wins, sum(wins_priced) AS wins_priced, sum(win_price) AS win_price, sum(win_max_price) AS win_max_price, sum(impressions) AS impressions, sum(clicks) AS clicks, sum(losses) AS losses, sum(starts) AS starts, sum(first_quartiles) AS first_quartiles, sum(midpoints) AS midpoints, sum(third_quartiles) AS third_quartiles, sum(completes) AS completes, sum(measured) AS measured, sum(viewable) AS viewable, sum(conversions) AS conversions, sum(billed) AS billed, sum(spend) AS spend, sum(fees) AS fees, sum(exchange_spend) AS exchange_spend, sum(click_conversions) AS click_conversions, sum(view_conversions) AS view_conversions, sum(conversion_value) AS conversion_value, sum(click_value) AS click_value FROM delivery_minute GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_day_sums TO delivery_day AS SELECT day, toDateTime(day, 'UTC') AS time, advertiser, campaign, line_item, creative, exchange, currency, sum(bids) AS bids, sum(bid_price) AS bid_price, sum(wins) AS wins, sum(wins_priced) AS wins_priced, sum(win_price) AS win_price, sum(win_max_price) AS win_max_price, sum(impressions) AS impressions, sum(clicks) AS clicks, sum(losses) AS losses, sum(starts) AS starts, sum(first_quartiles) AS first_quartiles, sum(midpoints) AS midpoints, sum(third_quartiles) AS third_quartiles, sum(completes) AS completes, sum(measured) AS measured, sum(viewable) AS viewable, sum(conversions) AS conversions, sum(billed) AS billed, sum(spend) AS spend, sum(fees) AS fees, sum(exchange_spend) AS exchange_spend, sum(click_conversions) AS click_conversions, sum(view_conversions) AS view_conversions, sum(conversion_value) AS conversion_value, sum(click_value) AS click_value FROM delivery_hour GROUP BY day, time, advertiser, campaign, line_item, creative, exchange, currency;
