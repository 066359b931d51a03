"""All of time's rules: zones, periods, schedules, the calendar table. Pure."""
