// Package calendar reads the times of a configuration: schedules, windows in which plans may be applied, freezes.
package calendar

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"sallyport/agent/config/decode"
)

// ParseSchedule reads a cron spec as every schedule of the configuration is read: five fields, six with seconds in front, or
// a descriptor (@hourly, @every 30s), each with CRON_TZ=Zone before it if need be. @every takes at least 1s.
func ParseSchedule(spec string) (cron.Schedule, error) {
	spec = strings.TrimSpace(spec)
	rest := spec
	if strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=") {
		_, after, found := strings.Cut(spec, " ")
		if !found {
			// The library slices without looking here.
			return nil, errors.New("after the time zone comes a blank and the schedule")
		}
		rest = strings.TrimSpace(after)
	}
	if every, ok := strings.CutPrefix(rest, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration like 30s or 5m", every)
		}
		if d < time.Second {
			// The library would round it up without a word.
			return nil, errors.New("@every takes at least 1s")
		}
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	schedule, err := parser.Parse(spec)
	if err != nil {
		return nil, err
	}
	if schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("there is no such day: it would never fire")
	}
	return schedule, nil
}

// ReadSchedule checks the cron spec of an attribute.
func ReadSchedule(l *decode.Reader, a decode.Attributes, name string, dst *string) {
	a.Preset(name, dst)
	var spec string
	if !l.String(a, name, &spec) {
		return
	}
	if _, err := ParseSchedule(spec); err != nil {
		l.Fault(a.At(name), "Invalid schedule", `%s is not a schedule: %s. It takes cron's five fields ("*/5 * * * *"), "@hourly" or "@every 30s".`, name, err)
		return
	}
	*dst = strings.TrimSpace(spec)
}
