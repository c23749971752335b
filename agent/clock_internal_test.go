package agent

import (
	"testing"
	"time"

	"sallyport/agent/config"
)

// Whatever the clock shows, the next time of a schedule is neither now and now again nor years away.
func TestUntilNext(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for spec, most := range map[string]time.Duration{
		"@every 30s":                             30 * time.Second,
		"0 3 * * *":                              day,
		"CRON_TZ=Europe/Berlin 30 2 * * *":       2*day + time.Hour, // 02:30 is missing in one night of the year
		"CRON_TZ=America/New_York 30 1 * * *":    day + time.Hour,
		"CRON_TZ=Australia/Lord_Howe 15 2 * * *": 2*day + time.Hour,
		"CRON_TZ=Pacific/Apia 0 12 * * *":        2 * day, // which left out a whole day in 2011
		"0 0 29 2 *":                             4*366*day + day,
	} {
		schedule, err := config.ParseSchedule(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{1970, 2011, 2016, 2026, 2036, 2096, 2097, 2103} {
			for now := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); now.Year() == year; now = now.Add(67 * time.Minute) {
				if wait := untilNext(schedule, now); wait <= 0 || wait > most {
					t.Fatalf("%s at %s: waits for %s", spec, now, wait)
				}
				if most > 10*day {
					now = now.Add(10 * day)
				}
			}
		}
	}
}
