package clock_test

import (
	"testing"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config/calendar"
	"sallyport/agent/need"
	"sallyport/store"
)

// Whatever the clock shows, the next time of a schedule is neither now and now again nor years away.
func TestUntilNext(t *testing.T) {
	need.Long(t, "it goes through years of schedules")
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
		schedule, err := calendar.ParseSchedule(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{1970, 2011, 2016, 2026, 2036, 2096, 2097, 2103} {
			for now := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); now.Year() == year; now = now.Add(67 * time.Minute) {
				if wait := clock.UntilNext(schedule, now); wait <= 0 || wait > most {
					t.Fatalf("%s at %s: waits for %s", spec, now, wait)
				}
				if most > 10*day {
					now = now.Add(10 * day)
				}
			}
		}
	}
}

// Of the times that were missed one is made up for, and no clock that was put back keeps a schedule from ever coming up.
func TestUntilDue(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		spec string
		last time.Time
		want time.Duration
	}{
		{"not yet", "0 13 * * *", now.Add(-time.Hour), time.Hour},
		{"just now", "0 12 * * *", now.Add(-time.Hour), 0},
		{"missed twice", "0 9 * * *", now.Add(-48 * time.Hour), -27 * time.Hour},
		{"tried a moment ahead: two clocks are never quite alike", "0 13 * * *", now.Add(time.Minute), time.Hour},
		{"tried in a future that never was", "0 13 * * *", now.AddDate(1, 0, 0), 0},
		{"a day that does not come in the next years", "0 0 29 2 *", time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC), clock.Never},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := now
			schedule, err := calendar.ParseSchedule(test.spec)
			if err != nil {
				t.Fatal(err)
			}
			if test.last.Year() > 2090 {
				now = test.last.AddDate(0, 1, 0)
			}
			if got := clock.UntilDue(schedule, test.last, now); got != test.want {
				t.Errorf("due in %s, want %s", got, test.want)
			}
		})
	}
}

func TestReading(t *testing.T) {
	wall := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	now := clock.Reading{Wall: wall, Up: store.Uptime{Boot: "this", Since: time.Hour}}
	for _, test := range []struct {
		name  string
		since store.Uptime
		want  time.Duration
		known bool
	}{
		{"of this boot", store.Uptime{Boot: "this", Since: 20 * time.Minute}, 40 * time.Minute, true},
		{"of another boot", store.Uptime{Boot: "that", Since: 20 * time.Minute}, 0, false},
		{"not recorded", store.Uptime{}, 0, false},
		{"ahead of now: no clock runs backwards", store.Uptime{Boot: "this", Since: 2 * time.Hour}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d, known := now.Passed(test.since); d != test.want || known != test.known {
				t.Errorf("passed: %s (%t), want %s (%t)", d, known, test.want, test.known)
			}
		})
	}
	if d := now.Left(wall.Add(time.Minute), time.Hour); d != time.Minute {
		t.Errorf("left of a minute: %s", d)
	}
	if d := now.Left(wall.Add(2*time.Hour), time.Hour); d != 0 {
		t.Errorf("left of a wait that is longer than any: %s", d)
	}
	if now.Jumped(wall.Add(-time.Minute), time.Minute) || !now.Jumped(wall.Add(-time.Hour), time.Minute) {
		t.Error("a jump of the clock is one of more than the doubt between two clocks, and nothing else")
	}
}
