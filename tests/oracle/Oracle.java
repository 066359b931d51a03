// The rule of docs/calendar.md in Java. Of the zones, java.time gives the local clock and nothing
// else: ZoneRules.getOffset(Instant), on rules that are made from the files of one folder.
//
//     java Oracle.java FOLDER answer  < cases  > answers
//     java Oracle.java FOLDER differ  < zones  > counts of days that atStartOfDay begins elsewhere
//
// Lines of fields with tabs between them, `-` for none, instants in seconds from 1970.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.Period;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.time.zone.ZoneRulesProvider;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Oracle {
    /** A range of the calendar: `to` exclusive, the dates both included. */
    record Span(Instant from, Instant to, LocalDate first, LocalDate last, String key) {}

    record Case(Clock clock, Instant at, DayOfWeek weekStart, int fiscalStart, String question,
            String grain, String align, int n, boolean throughYesterday, Instant cut) {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        Map<String, ZoneRules> rules = new HashMap<>();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (arguments[1].equals("differ")) {
            ZoneRulesProvider.registerProvider(new Pinned(folder));
        }
        try (var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] f = line.split("\t");
                String zone = arguments[1].equals("differ") ? f[0] : f[1];
                if (!rules.containsKey(zone)) {
                    rules.put(zone, TzFile.rules(folder.resolve(zone)));
                }
                Clock clock = new Clock(rules.get(zone));
                out.println(arguments[1].equals("differ")
                        ? zone + "\t" + Differences.count(clock, ZoneId.of("Pinned/" + zone))
                        : f[0] + "\t" + new Answer(parse(clock, f)).line());
            }
        }
        out.flush();
    }

    static Case parse(Clock clock, String[] f) {
        return new Case(clock, Instant.ofEpochSecond(Long.parseLong(f[2])),
                DayOfWeek.valueOf(f[3].toUpperCase(Locale.ROOT)), Integer.parseInt(f[4]), f[5],
                f[6], f[7], f[8].equals("-") ? 0 : Integer.parseInt(f[8]), f[9].equals("yesterday"),
                f[10].equals("-") ? null : Instant.ofEpochSecond(Long.parseLong(f[10])));
    }

    /** The local clock of a zone, looked at every quarter of an hour. */
    static final class Clock {
        static final long SLOT = 900;
        private final ZoneRules rules;

        Clock(ZoneRules rules) {
            this.rules = rules;
        }

        LocalDateTime shows(Instant at) {
            return LocalDateTime.ofEpochSecond(
                    at.getEpochSecond() + ahead(at), 0, ZoneOffset.UTC);
        }

        int ahead(Instant at) {
            return rules.getOffset(at).getTotalSeconds();
        }

        static Instant slot(Instant at) {
            return Instant.ofEpochSecond(Math.floorDiv(at.getEpochSecond(), SLOT) * SLOT);
        }

        /** The first instant at which the clock shows this wall time or a later one. */
        Instant reaches(LocalDateTime wall) {
            Instant at = slot(wall.minusHours(20).toInstant(ZoneOffset.UTC));
            while (shows(at).isBefore(wall)) {
                at = at.plusSeconds(SLOT);
            }
            return at;
        }

        Instant dayStart(LocalDate day) {
            return reaches(day.atTime(LocalTime.MIDNIGHT));
        }

        boolean was(LocalDate day) {
            return dayStart(day).isBefore(dayStart(day.plusDays(1)));
        }

        /** The date of the day that holds an instant: the latest whose start is not after it. */
        LocalDate dateAt(Instant at) {
            LocalDate day = shows(at).toLocalDate().plusDays(2);
            while (dayStart(day).isAfter(at)) {
                day = day.minusDays(1);
            }
            return day;
        }

        boolean startsHour(Instant slot) {
            LocalDateTime wall = shows(slot);
            return wall.getMinute() == 0 || dayStart(wall.toLocalDate()).equals(slot);
        }

        Instant hourBefore(Instant at) {
            Instant slot = slot(at.minusSeconds(1));
            while (!startsHour(slot)) {
                slot = slot.minusSeconds(SLOT);
            }
            return slot;
        }

        Instant hourAfter(Instant at) {
            Instant slot = slot(at).plusSeconds(SLOT);
            while (!startsHour(slot)) {
                slot = slot.plusSeconds(SLOT);
            }
            return slot;
        }

        LocalDateTime label(Instant hour) {
            return shows(hour).truncatedTo(ChronoUnit.HOURS);
        }

        List<Instant> hoursLabelled(LocalDateTime label) {
            List<Instant> found = new ArrayList<>();
            Instant slot = slot(label.minusHours(20).toInstant(ZoneOffset.UTC));
            Instant end = slot.plus(40, ChronoUnit.HOURS);
            for (; slot.isBefore(end); slot = slot.plusSeconds(SLOT)) {
                if (label(slot).equals(label) && startsHour(slot)) {
                    found.add(slot);
                }
            }
            return found;
        }
    }

    /** One case and what the rule says to it. */
    record Answer(Case c) {
        static final Pattern ISO = Pattern.compile("P(\\d+Y)?(\\d+M)?(\\d+W)?(\\d+D)?");

        String line() {
            if (c.question.startsWith("compare:")) {
                return overlay(c.question.substring("compare:".length()));
            }
            if (Set.of("hour", "day", "week", "month", "quarter", "year").contains(c.question)) {
                Span it = periodAt(c.question, c.at);
                return told(it.from, it.to, firstDay(it), lastDay(it), it.key);
            }
            Span it = interval(c.question.toUpperCase(Locale.ROOT));
            // the day of a date that never was is empty, and no period
            return told(it.from, it.to, it.first, it.last, it.from.equals(it.to) ? null : it.key);
        }

        // periods

        Span periodAt(String grain, Instant at) {
            if (grain.equals("hour")) {
                return hour(c.clock.hourBefore(at.plusSeconds(1)));
            }
            return period(grain, firstOf(grain, c.clock.dateAt(at)));
        }

        Span hour(Instant from) {
            LocalDateTime label = c.clock.label(from);
            String key = label.toString().substring(0, 13);
            if (c.clock.hoursLabelled(label).size() > 1) {
                int minutes = Math.abs(c.clock.ahead(from)) / 60;
                key += String.format("%s%02d:%02d",
                        c.clock.ahead(from) < 0 ? "-" : "+", minutes / 60, minutes % 60);
            }
            LocalDate day = c.clock.dateAt(from);
            return new Span(from, c.clock.hourAfter(from), day, day, key);
        }

        Span period(String grain, LocalDate first) {
            return days(first, nextOf(grain, first).minusDays(1), key(grain, first));
        }

        Span days(LocalDate first, LocalDate last, String key) {
            return new Span(c.clock.dayStart(first), c.clock.dayStart(last.plusDays(1)), first,
                    last, key);
        }

        /** The first day of a period: one that was, unlike the date by which it is cut. */
        LocalDate firstDay(Span span) {
            return c.clock.dateAt(span.from);
        }

        LocalDate lastDay(Span span) {
            return c.clock.dateAt(span.to.minusSeconds(1));
        }

        LocalDate firstOf(String grain, LocalDate day) {
            if (grain.equals("day")) {
                return day;
            }
            if (grain.equals("week")) {
                while (day.getDayOfWeek() != c.weekStart) {
                    day = day.minusDays(1);
                }
                return day;
            }
            LocalDate first = LocalDate.of(day.getYear(), day.getMonthValue(), 1);
            while (Math.floorMod(first.getMonthValue() - c.fiscalStart, months(grain)) != 0) {
                first = first.minusMonths(1);
            }
            return first;
        }

        LocalDate nextOf(String grain, LocalDate first) {
            return switch (grain) {
                case "day" -> first.plusDays(1);
                case "week" -> first.plusWeeks(1);
                default -> first.plusMonths(months(grain));
            };
        }

        static int months(String grain) {
            return switch (grain) {
                case "month" -> 1;
                case "quarter" -> 3;
                case "year" -> 12;
                default -> throw new IllegalArgumentException(grain);
            };
        }

        /** The year and the number of the week that starts on a date. */
        static int[] week(LocalDate first) {
            LocalDate fourth = first.plusDays(3);
            int number = 1;
            for (LocalDate day = fourth.minusWeeks(1); day.getYear() == fourth.getYear();
                    day = day.minusWeeks(1)) {
                number++;
            }
            return new int[] {fourth.getYear(), number};
        }

        String key(String grain, LocalDate first) {
            int month = first.getMonthValue();
            // the calendar year in which the fiscal one ends: eleven months on from its first
            int into = Math.floorMod(month - c.fiscalStart, 12);
            String year = (c.fiscalStart > 1 ? "FY" : "") + first.plusMonths(11 - into).getYear();
            return switch (grain) {
                case "day" -> first.toString();
                case "week" -> String.format("%d-W%02d", week(first)[0], week(first)[1]);
                case "month" -> first.toString().substring(0, 7);
                case "quarter" -> year + "-Q" + (into / 3 + 1);
                default -> year;
            };
        }

        long daysMet(String grain, Span span) {
            if (grain.equals("hour") || grain.equals("day")) {
                return 1;
            }
            return span.first.datesUntil(span.last.plusDays(1)).filter(c.clock::was).count();
        }

        // intervals

        Span interval(String name) {
            LocalDate today = c.clock.dateAt(c.at);
            LocalDate yesterday = today.minusDays(1);
            LocalDate end = c.throughYesterday ? yesterday : today;
            LocalDate month = today.withDayOfMonth(1);
            return switch (name) {
                case "YESTERDAY" -> period("day", yesterday);
                case "LAST_7_DAYS", "7D" -> days(today.minusDays(7), yesterday, null);
                case "28D" -> days(today.minusDays(28), yesterday, null);
                case "LAST_30_DAYS" -> days(today.minusDays(30), yesterday, null);
                case "91D" -> days(today.minusDays(91), yesterday, null);
                case "LAST_WEEK" -> last("week", today);
                case "LAST_MONTH" -> last("month", today);
                case "LAST_QUARTER" -> last("quarter", today);
                case "LAST_YEAR" -> last("year", today);
                case "LAST_3_MONTHS" -> days(month.minusMonths(3), month.minusDays(1), null);
                case "LAST_6_MONTHS" -> days(month.minusMonths(6), month.minusDays(1), null);
                case "12M" -> days(month.minusMonths(12), month.minusDays(1), null);
                case "MTD" -> days(firstOf("month", end), end, null);
                case "QTD" -> days(firstOf("quarter", end), end, null);
                case "YTD" -> days(firstOf("year", end), end, null);
                case "13M" -> days(end.withDayOfMonth(1).minusMonths(12), end, null);
                default -> days(before(today, name), yesterday, null);
            };
        }

        Span last(String grain, LocalDate today) {
            return period(grain, firstOf(grain, firstOf(grain, today).minusDays(1)));
        }

        static LocalDate before(LocalDate today, String iso) {
            Matcher found = ISO.matcher(iso);
            if (!found.matches()) {
                throw new IllegalArgumentException(iso);
            }
            return today.minus(Period.parse(iso));
        }

        // overlays

        boolean refused(String overlay) {
            String allowed = switch (c.grain) {
                case "hour", "day" -> "prev week month quarter year";
                case "week" -> c.align.equals("date") ? "prev week year"
                        : "prev week month quarter year";
                case "month" -> "prev month quarter year";
                case "quarter" -> "prev quarter year";
                default -> "prev year";
            };
            return !List.of(allowed.split(" ")).contains(overlay);
        }

        String overlay(String overlay) {
            if (refused(overlay)) {
                return "refused";
            }
            Span it = periodAt(c.grain, c.at);
            Span other = partner(overlay, it);
            Boolean whole = null;
            // a bucket without partner is not compared, so it is not cut either
            if (c.cut != null && other != null) {
                Instant there = cutBeside(overlay, it, other);
                whole = false;
                if (there == null) {
                    // to the end of the month that lacks the day
                    LocalDate month = c.clock.dateAt(c.cut)
                            .minusMonths(monthsBack(overlay)).withDayOfMonth(1);
                    there = c.clock.dayStart(month.plusMonths(1));
                    whole = there.equals(other.to);
                }
                boolean begun = there.isAfter(other.from);
                other = begun ? cut(other, there) : null;
                it = begun ? cut(it, c.cut) : it;
            }
            return other == null
                    ? told(it.from, it.to, it.key, null, null, null, null, null,
                            daysMet(c.grain, it), null, null)
                    : told(it.from, it.to, it.key, other.from, other.to, firstDay(other), lastDay(other),
                            other.key, daysMet(c.grain, it), daysMet(c.grain, other), whole);
        }

        Span partner(String overlay, Span it) {
            if (c.grain.equals("hour")) {
                return partnerHour(overlay, it);
            }
            LocalDate first = switch (c.grain) {
                case "day" -> partnerDay(overlay, it.first);
                case "week" -> partnerWeek(overlay, it.first);
                default -> it.first.minusMonths(monthsBack(overlay));
            };
            return first == null ? null : period(c.grain, first);
        }

        Span partnerHour(String overlay, Span it) {
            if (overlay.equals("prev")) {
                Instant from = it.from;
                for (int back = 0; back < c.n; back++) {
                    from = c.clock.hourBefore(from);
                }
                return hour(from);
            }
            LocalDateTime label = c.clock.label(it.from);
            LocalDate day = beside(overlay, label.toLocalDate());
            if (day == null || !c.clock.hoursLabelled(label).get(0).equals(it.from)) {
                return null;
            }
            List<Instant> there = c.clock.hoursLabelled(day.atTime(label.toLocalTime()));
            return there.isEmpty() ? null : hour(there.get(0));
        }

        LocalDate partnerDay(String overlay, LocalDate day) {
            if (overlay.equals("prev")) {
                for (int back = 0; back < c.n; back++) {
                    do {
                        day = day.minusDays(1);
                    } while (!c.clock.was(day));
                }
                return day;
            }
            LocalDate there = beside(overlay, day);
            return there != null && c.clock.was(there) ? there : null;
        }

        LocalDate partnerWeek(String overlay, LocalDate first) {
            if (overlay.equals("prev")) {
                return first.minusWeeks(c.n);
            }
            if (overlay.equals("week")) {
                return first.minusWeeks(1);
            }
            if (c.align.equals("weekday")) {
                return first.minusDays(weekdayBack(overlay));
            }
            int[] here = week(first);
            for (LocalDate back = first; week(back)[0] >= here[0] - 1; back = back.minusWeeks(1)) {
                if (week(back)[0] == here[0] - 1 && week(back)[1] == here[1]) {
                    return back;
                }
            }
            return null;
        }

        LocalDate beside(String overlay, LocalDate day) {
            if (overlay.equals("week")) {
                return day.minusDays(7);
            }
            if (c.align.equals("weekday")) {
                return day.minusDays(weekdayBack(overlay));
            }
            LocalDate there = day.minusMonths(months(overlay));
            return there.getDayOfMonth() == day.getDayOfMonth() ? there : null;
        }

        static int weekdayBack(String overlay) {
            return switch (overlay) {
                case "month" -> 28;
                case "quarter" -> 91;
                case "year" -> 364;
                default -> throw new IllegalArgumentException(overlay);
            };
        }

        int monthsBack(String overlay) {
            return overlay.equals("prev") ? c.n * months(c.grain) : months(overlay);
        }

        // a running period, up to the cut

        /** Where the cut lies in the partner; null where the partner's month lacks the day. */
        Instant cutBeside(String overlay, Span it, Span other) {
            LocalDateTime wall = c.clock.shows(c.cut);
            LocalDate on = c.clock.dateAt(c.cut);
            if (c.clock.dayStart(on).equals(c.cut)) {
                // the start of a day is its midnight, whatever the clock shows
                wall = on.atTime(LocalTime.MIDNIGHT);
            }
            on = wall.toLocalDate();
            if (c.grain.equals("day") || c.grain.equals("week")) {
                long into = ChronoUnit.DAYS.between(it.first, on);
                return c.clock.reaches(other.first.plusDays(into).atTime(wall.toLocalTime()));
            }
            LocalDate there = on.minusMonths(monthsBack(overlay));
            return there.getDayOfMonth() == on.getDayOfMonth()
                    ? c.clock.reaches(there.atTime(wall.toLocalTime())) : null;
        }

        Span cut(Span span, Instant to) {
            return new Span(span.from, to, span.first, c.clock.dateAt(to.minusSeconds(1)), span.key);
        }

        static String told(Object... parts) {
            List<String> told = new ArrayList<>();
            for (Object part : parts) {
                told.add(part == null ? "-" : part instanceof Instant at
                        ? String.valueOf(at.getEpochSecond()) : part.toString());
            }
            return String.join("\t", told);
        }
    }

    /** A compiled zone file (RFC 8536), its second block: changes in 64 bits. */
    static final class TzFile {
        static ZoneRules rules(Path file) throws IOException {
            ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file));
            int[] counts = counts(in, 0);
            int second = 44 + counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8
                    + counts[1] + counts[0];
            counts = counts(in, second);
            int changes = second + 44;
            int indices = changes + counts[3] * 8;
            int types = indices + counts[3];
            ZoneOffset now = offset(in, types);
            ZoneOffset first = now;
            List<ZoneOffsetTransition> found = new ArrayList<>();
            for (int i = 0; i < counts[3]; i++) {
                long at = in.getLong(changes + i * 8);
                ZoneOffset then = offset(in, types + 6 * Byte.toUnsignedInt(in.get(indices + i)));
                // zic's first line of a fat file can lie before all time that java.time knows
                if (!then.equals(now) && at > -5_000_000_000L) {
                    found.add(ZoneOffsetTransition.of(
                            LocalDateTime.ofEpochSecond(at, 0, now), now, then));
                }
                now = then;
            }
            return ZoneRules.of(first, first, List.of(), found, List.of());
        }

        /** isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt. */
        private static int[] counts(ByteBuffer in, int start) {
            int[] counts = new int[6];
            for (int i = 0; i < 6; i++) {
                counts[i] = in.getInt(start + 20 + 4 * i);
            }
            return counts;
        }

        private static ZoneOffset offset(ByteBuffer in, int at) {
            return ZoneOffset.ofTotalSeconds(in.getInt(at));
        }
    }

    /** The same rules as zones of java.time, for atStartOfDay. */
    static final class Pinned extends ZoneRulesProvider {
        private final Path folder;
        private final Set<String> names = new TreeSet<>();

        Pinned(Path folder) throws IOException {
            this.folder = folder;
            try (var files = Files.walk(folder)) {
                files.filter(Files::isRegularFile)
                        .forEach(file -> names.add("Pinned/" + folder.relativize(file)));
            }
        }

        @Override
        protected Set<String> provideZoneIds() {
            return names;
        }

        @Override
        protected ZoneRules provideRules(String zone, boolean forCaching) {
            try {
                return TzFile.rules(folder.resolve(zone.substring("Pinned/".length())));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        protected NavigableMap<String, ZoneRules> provideVersions(String zone) {
            return new TreeMap<>(Collections.singletonMap("pinned", provideRules(zone, false)));
        }
    }

    static final class Differences {
        /** Days at changes, 1980 to 2037, that atStartOfDay begins at another instant than the rule. */
        static String count(Clock clock, ZoneId zone) {
            Set<LocalDate> found = new TreeSet<>();
            for (ZoneOffsetTransition change : zone.getRules().getTransitions()) {
                LocalDate day = change.getDateTimeBefore().toLocalDate();
                if (day.getYear() < 1980 || day.getYear() > 2037) {
                    continue;
                }
                for (int i = -2; i <= 2; i++) {
                    LocalDate near = day.plusDays(i);
                    if (!near.atStartOfDay(zone).toInstant().equals(clock.dayStart(near))) {
                        found.add(near);
                    }
                }
            }
            return String.valueOf(found.size());
        }
    }
}
