-- The rule of docs/calendar.md in SQL. Of the zones, PostgreSQL gives the local clock and nothing
-- else: `clock` is the one function that depends on the session's zone. All steps between instants
-- are minutes, which no zone changes; all arithmetic on dates is on plain dates.

CREATE TYPE bucket AS (start_at timestamptz, end_at timestamptz, first_on date, last_on date, key text);

CREATE TABLE asked (
  number int PRIMARY KEY, zone text, at timestamptz, week_start text, fiscal_start int,
  question text, grain text, align text, n int, through text, cut_at timestamptz
);

CREATE FUNCTION clock(at timestamptz) RETURNS timestamp LANGUAGE sql STABLE AS
  $$ SELECT at::timestamp $$;

CREATE FUNCTION utc(wall timestamp) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
  $$ SELECT wall AT TIME ZONE 'UTC' $$;

-- Since 1980 every clock is a multiple of 15 minutes from UTC and was changed on one.
CREATE FUNCTION slots(from_at timestamptz, to_at timestamptz) RETURNS SETOF timestamptz LANGUAGE sql
IMMUTABLE AS $$
  SELECT generate_series(date_bin('15 minutes', from_at, utc('1970-01-01')), to_at, '15 minutes')
$$;

-- the first instant at which the clock shows a wall time or a later one; no clock is 16 h from UTC
CREATE FUNCTION reached(wall timestamp) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT min(s) FROM slots(utc(wall) - interval '16 hours', utc(wall) + interval '16 hours') AS s
  WHERE clock(s) >= wall
$$;

CREATE FUNCTION day_start(day date) RETURNS timestamptz LANGUAGE sql STABLE AS
  $$ SELECT reached(day::timestamp) $$;

CREATE FUNCTION was(day date) RETURNS boolean LANGUAGE sql STABLE AS
  $$ SELECT day_start(day) < day_start(day + 1) $$;

-- the date of the day that holds an instant: the latest that the clock has shown
CREATE FUNCTION date_at(at timestamptz) RETURNS date LANGUAGE sql STABLE AS
  $$ SELECT max(clock(s)::date) FROM slots(at - interval '26 hours', at) AS s $$;

-- the starts of all hours in [from, to]
CREATE FUNCTION hour_starts(from_at timestamptz, to_at timestamptz) RETURNS SETOF timestamptz
LANGUAGE sql STABLE AS $$
  SELECT s FROM (
    SELECT s, clock(s) AS wall, max(clock(s)::date) OVER
      (ORDER BY s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM slots(from_at - interval '26 hours', to_at) AS s
  ) AS seen
  WHERE s >= from_at AND (extract(minute FROM wall) = 0 OR wall::date > latest)
$$;

CREATE FUNCTION label(hour_at timestamptz) RETURNS timestamp LANGUAGE sql STABLE AS
  $$ SELECT date_bin('1 hour', clock(hour_at), timestamp '1970-01-01') $$;

CREATE FUNCTION hours_labelled(wall timestamp) RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$
  SELECT s FROM hour_starts(utc(wall) - interval '16 hours', utc(wall) + interval '16 hours') AS s
  WHERE label(s) = wall ORDER BY s
$$;

CREATE FUNCTION hour_bucket(from_at timestamptz) RETURNS bucket LANGUAGE plpgsql STABLE AS $$
DECLARE
  ends_at timestamptz := (SELECT min(s) FROM hour_starts(from_at, from_at + interval '6 hours') AS s
                          WHERE s > from_at);
  key text := to_char(label(from_at), 'YYYY-MM-DD"T"HH24');
  ahead interval := clock(from_at) - from_at AT TIME ZONE 'UTC';
BEGIN
  IF (SELECT count(*) FROM hours_labelled(label(from_at))) > 1 THEN
    key := key || CASE WHEN ahead < interval '0' THEN '-' ELSE '+' END
      || to_char(greatest(ahead, -ahead), 'HH24:MI');
  END IF;
  RETURN (from_at, ends_at, date_at(from_at), date_at(from_at), key)::bucket;
END $$;

CREATE FUNCTION plus_months(day date, months int) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT (day::timestamp + make_interval(months => months))::date $$;

-- the same day number so many months later, null where the month lacks it
CREATE FUNCTION same_number(day date, months int) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT moved FROM plus_months(day, months) AS moved
  WHERE extract(day FROM moved) = extract(day FROM day)
$$;

CREATE FUNCTION months_of(grain text) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE grain WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 WHEN 'year' THEN 12 END $$;

CREATE FUNCTION first_on(grain text, day date, week_start text, fiscal_start int) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE grain
    WHEN 'day' THEN day
    WHEN 'week' THEN day - (extract(isodow FROM day)::int + CASE week_start
      WHEN 'monday' THEN 6 WHEN 'sunday' THEN 0 WHEN 'saturday' THEN 1 END) % 7
    ELSE plus_months(make_date(extract(year FROM day)::int, extract(month FROM day)::int, 1),
      -((extract(month FROM day)::int - fiscal_start + 12) % months_of(grain)))
  END
$$;

CREATE FUNCTION next_on(grain text, first_on date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE grain WHEN 'day' THEN first_on + 1 WHEN 'week' THEN first_on + 7
    ELSE plus_months(first_on, months_of(grain)) END
$$;

CREATE FUNCTION week_year(first_on date) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT extract(year FROM first_on + 3)::int $$;

CREATE FUNCTION week_in_year(first_on date) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT (extract(doy FROM first_on + 3)::int + 6) / 7 $$;

CREATE FUNCTION period_key(grain text, first_on date, fiscal_start int) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  month int := extract(month FROM first_on);
  year text := extract(year FROM first_on)::int
    + CASE WHEN fiscal_start > 1 AND month >= fiscal_start THEN 1 ELSE 0 END;
BEGIN
  IF fiscal_start > 1 THEN year := 'FY' || year; END IF;
  RETURN CASE grain
    -- to_char of a bare date would go by the session's zone, and miss a date that never was
    WHEN 'day' THEN to_char(first_on::timestamp, 'YYYY-MM-DD')
    WHEN 'week' THEN week_year(first_on) || '-W' || lpad(week_in_year(first_on)::text, 2, '0')
    WHEN 'month' THEN to_char(first_on::timestamp, 'YYYY-MM')
    WHEN 'quarter' THEN year || '-Q' || (month - fiscal_start + 12) % 12 / 3 + 1
    WHEN 'year' THEN year END;
END $$;

CREATE FUNCTION dates_bucket(first_on date, last_on date, key text) RETURNS bucket
LANGUAGE sql STABLE AS
  $$ SELECT (day_start(first_on), day_start(last_on + 1), first_on, last_on, key)::bucket $$;

-- the period of a grain that begins on a date
CREATE FUNCTION period_on(grain text, day date, fiscal_start int) RETURNS bucket
LANGUAGE sql STABLE AS
  $$ SELECT dates_bucket(day, next_on(grain, day) - 1, period_key(grain, day, fiscal_start)) $$;

CREATE FUNCTION period_at(grain text, at timestamptz, week_start text, fiscal_start int)
RETURNS bucket LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF grain = 'hour' THEN
    RETURN hour_bucket((SELECT max(s) FROM hour_starts(at - interval '6 hours', at) AS s));
  END IF;
  RETURN period_on(grain, first_on(grain, date_at(at), week_start, fiscal_start), fiscal_start);
END $$;

-- the days of the calendar that a bucket meets: the dates of it that the clock shows
CREATE FUNCTION days_of(grain text, it bucket) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN grain IN ('hour', 'day') THEN 1 ELSE (
    SELECT count(DISTINCT shown)::int
    FROM slots(it.start_at, it.end_at - interval '15 minutes') AS s, date(clock(s)) AS shown
    WHERE shown BETWEEN it.first_on AND it.last_on) END
$$;

-- the first and the last day of a period: days that were, unlike the dates by which it is cut
CREATE FUNCTION days_that_were(it bucket) RETURNS bucket LANGUAGE sql STABLE AS $$
  SELECT (it.start_at, it.end_at, date_at(it.start_at),
    date_at(it.end_at - interval '15 minutes'), it.key)::bucket
$$;

-- Intervals

CREATE FUNCTION interval_of(a asked) RETURNS bucket LANGUAGE plpgsql STABLE AS $$
DECLARE
  today date := date_at(a.at);
  yesterday date := today - 1;
  name text := upper(a.question);
  grain text := lower(substr(name, 6));
  parts text[];
  first date;
  last date;
BEGIN
  IF name = 'YESTERDAY' THEN
    RETURN period_on('day', yesterday, a.fiscal_start);
  ELSIF name IN ('LAST_WEEK', 'LAST_MONTH', 'LAST_QUARTER', 'LAST_YEAR') THEN
    last := first_on(grain, today, a.week_start, a.fiscal_start) - 1;
    RETURN period_on(grain, first_on(grain, last, a.week_start, a.fiscal_start), a.fiscal_start);
  ELSIF name IN ('MTD', 'QTD', 'YTD') THEN
    grain := CASE name WHEN 'MTD' THEN 'month' WHEN 'QTD' THEN 'quarter' ELSE 'year' END;
    -- in reports: as it stood yesterday
    last := CASE WHEN a.through = 'yesterday' THEN yesterday ELSE today END;
    RETURN dates_bucket(first_on(grain, last, a.week_start, a.fiscal_start), last, NULL);
  ELSIF name = '13M' THEN
    last := CASE WHEN a.through = 'yesterday' THEN yesterday ELSE today END;
    RETURN dates_bucket(plus_months(first_on('month', last, a.week_start, 1), -12), last, NULL);
  ELSIF name ~ '^LAST_\d_MONTHS$' OR name = '12M' THEN
    last := first_on('month', today, a.week_start, 1);
    first := plus_months(last, -(substring(name FROM '\d+')::int));
    RETURN dates_bucket(first, last - 1, NULL);
  ELSIF name ~ '^LAST_\d+_DAYS$' OR name ~ '^\d+D$' THEN
    RETURN dates_bucket(today - substring(name FROM '\d+')::int, yesterday, NULL);
  END IF;
  parts := regexp_match(name, '^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$');
  first := plus_months(today, -(12 * coalesce(parts[1]::int, 0) + coalesce(parts[2]::int, 0)));
  first := first - 7 * coalesce(parts[3]::int, 0) - coalesce(parts[4]::int, 0);
  RETURN dates_bucket(first, yesterday, NULL);
END $$;

-- Overlays

CREATE FUNCTION refused(grain text, laid text, align text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT laid <> 'prev' AND CASE grain
    WHEN 'week' THEN laid IN ('month', 'quarter') AND align = 'date'
    WHEN 'month' THEN laid = 'week'
    WHEN 'quarter' THEN laid IN ('week', 'month')
    WHEN 'year' THEN laid IN ('week', 'month', 'quarter')
    ELSE false END
$$;

-- the date that an overlay lays beside a date, whether it ever was; null where there is none
CREATE FUNCTION beside(day date, laid text, align text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN laid = 'week' THEN day - 7
    WHEN align = 'date' THEN same_number(day, -months_of(laid))
    ELSE day - CASE laid WHEN 'month' THEN 28 WHEN 'quarter' THEN 91 ELSE 364 END END
$$;

CREATE FUNCTION partner_hour(it bucket, laid text, align text, n int) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
  wall timestamp := label(it.start_at);
BEGIN
  IF laid = 'prev' THEN
    RETURN (SELECT s FROM hour_starts(it.start_at - (n + 4) * interval '105 minutes', it.start_at) AS s
            WHERE s < it.start_at ORDER BY s DESC OFFSET n - 1 LIMIT 1);
  ELSIF it.start_at > (SELECT min(s) FROM hours_labelled(wall) AS s) THEN
    RETURN NULL;
  END IF;
  RETURN (SELECT min(s) FROM hours_labelled(beside(wall::date, laid, align) + wall::time) AS s);
END $$;

CREATE FUNCTION partner_day(it bucket, laid text, align text, n int) RETURNS date
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN laid = 'prev' THEN (
    SELECT it.first_on - back FROM generate_series(1, n + 2) AS back
    WHERE was(it.first_on - back) ORDER BY back OFFSET n - 1 LIMIT 1)
  ELSE (
    SELECT day FROM (SELECT beside(it.first_on, laid, align) AS day) AS moved WHERE was(day)) END
$$;

CREATE FUNCTION partner_week(it bucket, laid text, align text, n int) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN laid = 'prev' THEN it.first_on - 7 * n
    WHEN laid = 'week' THEN it.first_on - 7
    WHEN align = 'weekday' THEN
      it.first_on - 7 * CASE laid WHEN 'month' THEN 4 WHEN 'quarter' THEN 13 ELSE 52 END
    ELSE (
      SELECT it.first_on - back FROM generate_series(357, 378, 7) AS back
      WHERE week_year(it.first_on - back) = week_year(it.first_on) - 1
        AND week_in_year(it.first_on - back) = week_in_year(it.first_on)) END
$$;

-- how many months earlier the partner of a month, quarter or year lies
CREATE FUNCTION months_back(grain text, laid text, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE laid WHEN 'prev' THEN n * months_of(grain) ELSE months_of(laid) END $$;

CREATE FUNCTION partner(a asked, laid text, it bucket) RETURNS bucket LANGUAGE plpgsql STABLE AS $$
DECLARE
  hour_at timestamptz;
  day date;
BEGIN
  IF a.grain = 'hour' THEN
    hour_at := partner_hour(it, laid, a.align, a.n);
    RETURN CASE WHEN hour_at IS NOT NULL THEN hour_bucket(hour_at) END;
  END IF;
  day := CASE a.grain
    WHEN 'day' THEN partner_day(it, laid, a.align, a.n)
    WHEN 'week' THEN partner_week(it, laid, a.align, a.n)
    ELSE plus_months(it.first_on, -months_back(a.grain, laid, a.n)) END;
  RETURN CASE WHEN day IS NOT NULL THEN period_on(a.grain, day, a.fiscal_start) END;
END $$;

-- A running period: where its cut lies in the partner; null where the partner's month lacks the day.
CREATE FUNCTION cut_beside(a asked, laid text, it bucket, other bucket) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
  wall timestamp := clock(a.cut_at);
  day date := date_at(a.cut_at);
BEGIN
  -- the start of a day is its midnight, whatever the clock shows
  IF day_start(day) = a.cut_at THEN wall := day; END IF;
  day := CASE WHEN a.grain IN ('day', 'week') THEN other.first_on + (wall::date - it.first_on)
    ELSE same_number(wall::date, -months_back(a.grain, laid, a.n)) END;
  RETURN CASE WHEN day IS NOT NULL THEN reached(day + wall::time) END;
END $$;

CREATE FUNCTION cut_to(it bucket, cut_at timestamptz) RETURNS bucket LANGUAGE sql STABLE AS $$
  SELECT (it.start_at, cut_at, it.first_on, it.last_on, it.key)::bucket
$$;

-- One line of answer, separated by tabs; the instants in seconds from 1970

CREATE FUNCTION told(VARIADIC parts text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT array_to_string(parts, E'\t', '-') $$;

CREATE FUNCTION seconds(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT extract(epoch FROM at)::bigint::text $$;

CREATE FUNCTION overlay_answer(a asked) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  laid text := split_part(a.question, ':', 2);
  it bucket;
  other bucket;
  cut_there timestamptz;
  whole boolean;
  days int;
  compare_days int;
BEGIN
  IF refused(a.grain, laid, a.align) THEN RETURN 'refused'; END IF;
  it := period_at(a.grain, a.at, a.week_start, a.fiscal_start);
  other := partner(a, laid, it);
  IF a.cut_at IS NOT NULL THEN
    cut_there := cut_beside(a, laid, it, other);
    IF cut_there IS NULL AND other.start_at IS NOT NULL THEN
      -- to the end of the month that lacks the day
      cut_there := day_start(plus_months(
        first_on('month', date_at(a.cut_at), 'monday', 1), 1 - months_back(a.grain, laid, a.n)));
      whole := cut_there = other.end_at;
    ELSIF other.start_at IS NOT NULL THEN
      whole := false;
    END IF;
    other := CASE WHEN cut_there > other.start_at THEN cut_to(other, cut_there) END;
    -- a bucket without partner is not compared, so it is not cut either
    IF other.start_at IS NOT NULL THEN it := cut_to(it, a.cut_at); END IF;
  END IF;
  days := days_of(a.grain, it);
  IF other.start_at IS NOT NULL THEN
    compare_days := days_of(a.grain, other);
    other := days_that_were(other);
  ELSE
    whole := NULL;
  END IF;
  RETURN told(seconds(it.start_at), seconds(it.end_at), it.key,
    seconds(other.start_at), seconds(other.end_at), other.first_on::text, other.last_on::text,
    other.key, days::text, compare_days::text, whole::text);
END $$;

CREATE FUNCTION answer(a asked) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  it bucket;
BEGIN
  IF a.question LIKE 'compare:%' THEN
    RETURN overlay_answer(a);
  ELSIF a.question IN ('hour', 'day', 'week', 'month', 'quarter', 'year') THEN
    it := days_that_were(period_at(a.question, a.at, a.week_start, a.fiscal_start));
  ELSE
    it := interval_of(a);
    -- the day of a date that never was is empty, and no period
    IF it.start_at = it.end_at THEN it.key := NULL; END IF;
  END IF;
  RETURN told(seconds(it.start_at), seconds(it.end_at), it.first_on::text, it.last_on::text, it.key);
END $$;

-- The other way to cut: the days and hours around changes that date_trunc begins elsewhere

CREATE FUNCTION date_trunc_differs(changed_at timestamptz) RETURNS TABLE (grain text, start_at timestamptz)
LANGUAGE sql STABLE AS $$
  WITH shown AS (
    SELECT s, extract(minute FROM clock(s)) AS minute, max(clock(s)::date) OVER (ORDER BY s) AS day
    FROM slots(changed_at - interval '54 hours', changed_at + interval '27 hours') AS s
  ), begun AS (
    SELECT s, day, min(s) OVER (PARTITION BY day) AS day_at,
      max(s) FILTER (WHERE minute = 0 OR day > before) OVER (ORDER BY s) AS hour_at
    FROM (SELECT *, lag(day) OVER (ORDER BY s) AS before FROM shown) AS seen
  )
  SELECT 'day', day_at FROM begun
  WHERE s >= changed_at - interval '27 hours' AND day_at <> date_trunc('day', s)
  UNION
  SELECT 'hour', hour_at FROM begun
  WHERE s >= changed_at - interval '27 hours' AND hour_at <> date_trunc('hour', s)
$$;
