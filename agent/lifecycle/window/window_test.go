package window_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/window"
)

const officeHours = `apply_window = { schedule = "CRON_TZ=Europe/Berlin 0 9 * * 1-5", duration = "8h" }` + "\n"

// stackWith is a stack of the configuration with further attributes.
func stackWith(t *testing.T, attributes string) *config.Stack {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sallyport.hcl")
	text := fmt.Sprintf(`
data_dir = %q
repository "infra" {
  url      = "file://%s/nowhere"
  branch   = "main"
  schedule = "@every 1h"
}
stack "net" {
  dir = "net"
  %s
}
`, filepath.Join(dir, "data"), dir, attributes)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Stacks[0]
}

func minute(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Thursday, 1 October 2026, in Berlin's summer time; the clock changes on the 25th.
func TestWindowClosed(t *testing.T) {
	for name, c := range map[string]struct {
		at     string
		config string
		want   string // empty: open
		opens  string
	}{
		"inside":                       {at: "2026-10-01 08:00", config: officeHours},
		"the minute in which it opens": {at: "2026-10-01 07:00", config: officeHours},
		"a minute before it opens":     {at: "2026-10-01 06:59", config: officeHours, want: "outside the apply window until 2026-10-01 09:00 CEST", opens: "2026-10-01 07:00"},
		"a minute after it closed":     {at: "2026-10-01 15:01", config: officeHours, want: "until 2026-10-02 09:00 CEST", opens: "2026-10-02 07:00"},
		"on Friday evening":            {at: "2026-10-02 20:00", config: officeHours, want: "until 2026-10-05 09:00 CEST", opens: "2026-10-05 07:00"},
		"over the end of summertime":   {at: "2026-10-23 20:00", config: officeHours, want: "until 2026-10-26 09:00 CET", opens: "2026-10-26 08:00"},
		"in the second of two": {at: "2026-10-01 20:30", config: `apply_window = [
			{ schedule = "0 9 * * *", duration = "1h" }, { schedule = "CRON_TZ=UTC 0 20 * * *", duration = "1h" }]`},
		"frozen": {at: "2026-12-24 10:00", config: officeHours + `freeze = { from = "2026-12-19", to = "2027-01-02", zone = "Europe/Berlin", reason = "holidays" }`,
			want: "frozen until 2027-01-04 09:00 CET (Europe/Berlin): holidays", opens: "2027-01-04 08:00"},
		"two freezes on end": {at: "2026-12-24 10:00", config: `freeze = [{ from = "2026-12-19", to = "2026-12-27" }, { from = "2026-12-28 00:00", to = "2026-12-28 12:00" }]`,
			want: "frozen until 2026-12-28 12:00 UTC", opens: "2026-12-28 12:00"},
		"the last day of a freeze is frozen": {at: "2026-12-27 23:59", config: `freeze = [{ from = "2026-12-19", to = "2026-12-27" }]`,
			want: "frozen until 2026-12-28 00:00 UTC", opens: "2026-12-28 00:00"},
		"after a freeze": {at: "2026-12-28 00:00", config: `freeze = [{ from = "2026-12-19", to = "2026-12-27" }]`},
		"never open": {at: "2026-10-01 10:00", config: `apply_window = { schedule = "0 9 29 2 *", duration = "1h" }
			freeze = { from = "2026-01-01", to = "2097-01-01" }`, want: "frozen until further notice"},
	} {
		t.Run(name, func(t *testing.T) {
			got := window.At(stackWith(t, c.config), minute(t, c.at))
			if (c.want == "") != (got.Why == "") || !strings.Contains(got.Why, c.want) {
				t.Errorf("it says %q, want %q", got.Why, c.want)
			}
			opens := ""
			if !got.Opens.IsZero() {
				opens = got.Opens.UTC().Format("2006-01-02 15:04")
			}
			if opens != c.opens {
				t.Errorf("it opens %s, want %s", opens, c.opens)
			}
		})
	}
}
