package calendar

import "testing"

func TestParseSchedule(t *testing.T) {
	for spec, ok := range map[string]bool{
		"@every 1s": true, "@every 999ms": false, "@every -5s": false, "@every x": false, "@hourly": true, "@often": false,
		"*/5 * * * *": true, "30 */5 * * * *": true, "CRON_TZ=Asia/Tokyo 0 6 * * *": true, "TZ=UTC @daily": true,
		"CRON_TZ=UTC @every 1ms": false, "TZ=": false, "CRON_TZ=UTC ": false, "": false, "61 * * * *": false, "0 0 31 2 *": false,
		" @every 5s ": true, "@every": false,
	} {
		if _, err := ParseSchedule(spec); (err == nil) != ok {
			t.Errorf("%q: got %v, want ok = %v", spec, err, ok)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, spec := range []string{"@every 30s", "CRON_TZ=UTC * * * * *", "*/5 1-3,7 * jan mon", "TZ="} {
		f.Add(spec)
	}
	f.Fuzz(func(_ *testing.T, spec string) { _, _ = ParseSchedule(spec) })
}
