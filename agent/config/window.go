package config

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/robfig/cron/v3"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A Window is when plans may be applied: from each time of a schedule on, for a while.
type Window struct {
	Schedule string // a robfig/cron spec, never @every; CRON_TZ=Zone before it sets the zone
	Duration time.Duration
}

// A Freeze is when nothing may be applied, whatever the windows say. Both times are in the zone that people wrote.
type Freeze struct {
	From, To time.Time // To is the first moment after it
	Reason   string
}

const (
	leastWindow = time.Minute // one that is shorter could open and close between two looks
	dateOnly    = "2006-01-02"
	dateAndTime = "2006-01-02 15:04"
)

// windows reads apply_window and freeze.
func (d *stackDecoder) windows(a attributes, s *Stack) {
	for _, o := range d.l.objects(a, "apply_window", "schedule", "duration") {
		if w, ok := d.l.window(o); ok {
			s.ApplyWindows = append(s.ApplyWindows, w)
		}
	}
	for _, o := range d.l.objects(a, "freeze", "from", "to", "zone", "reason") {
		if f, ok := d.l.freeze(o); ok {
			s.Freezes = append(s.Freezes, f)
		}
	}
}

func (l *loader) window(o object) (w Window, ok bool) {
	w.Schedule = strings.TrimSpace(o.text["schedule"])
	schedule, err := ParseSchedule(w.Schedule)
	if err == nil {
		if _, is := schedule.(*cron.SpecSchedule); !is {
			err = errors.New("@every has no fixed times, so nobody could say when the window opens")
		}
	}
	if err != nil {
		l.fault(o.at, "Invalid schedule", `schedule of apply_window is not a schedule: %s. It says when the window opens, like "CRON_TZ=Europe/Paris 0 9 * * 1-5".`, err)
		return w, false
	}
	w.Duration, err = time.ParseDuration(o.text["duration"])
	if err != nil || w.Duration < leastWindow {
		l.fault(o.at, "Invalid duration", `duration of apply_window says for how long it stays open, like "8h", and is at least %s, not %q.`, leastWindow, o.text["duration"])
		return w, false
	}
	return w, true
}

func (l *loader) freeze(o object) (f Freeze, ok bool) {
	zone, err := time.LoadLocation(o.text["zone"]) // an empty name is UTC
	if err != nil || o.text["zone"] == "Local" {
		l.fault(o.at, "Unknown time zone", `zone = %q is no time zone: write one like "Europe/Paris"; without it dates are in UTC.`, o.text["zone"])
		return f, false
	}
	var wrong string
	if f.From, _, err = moment(o.text["from"], zone); err != nil {
		wrong = "from"
	}
	var whole bool
	if f.To, whole, err = moment(o.text["to"], zone); err != nil {
		wrong = "to"
	}
	if wrong != "" {
		l.fault(o.at, "Invalid date", `%s of freeze is a day or a minute, like "2026-12-20" or "2026-12-20 18:00", not %q.`, wrong, o.text[wrong])
		return f, false
	}
	if whole {
		f.To = f.To.AddDate(0, 0, 1) // that day is frozen too
	}
	if !f.From.Before(f.To) {
		l.fault(o.at, "Invalid date", "freeze ends before it begins: from %q to %q.", o.text["from"], o.text["to"])
		return f, false
	}
	f.Reason = o.text["reason"]
	return f, true
}

// moment reads a day or a minute; whole says that it was a day.
func moment(text string, zone *time.Location) (t time.Time, whole bool, err error) {
	if t, err = time.ParseInLocation(dateOnly, text, zone); err == nil {
		return t, true, nil
	}
	t, err = time.ParseInLocation(dateAndTime, text, zone)
	return t, false, err
}

// object is one { name = "text" } of an attribute.
type object struct {
	text map[string]string
	at   hcl.Range
}

// objects reads an attribute that holds one object of strings, or a list of them. Names that it does not know are faults.
func (l *loader) objects(a attributes, name string, known ...string) []object {
	v, ok := l.shown(a.get(name), cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	isObject := func(t cty.Type) bool { return t.IsObjectType() || t.IsMapType() }
	values := []cty.Value{v}
	if v.Type().IsTupleType() || v.Type().IsListType() {
		values = v.AsValueSlice()
	}
	var out []object
	for i, value := range values {
		at := a.at(name)
		if len(values) > 1 || !isObject(v.Type()) {
			at = a.element(name, i)
		}
		if !isObject(value.Type()) || value.IsNull() {
			l.fault(at, "Wrong type", "%s must be { %s = ... }, or a list of such.", name, known[0])
			continue
		}
		if o, ok := l.object(value, at, name, known); ok {
			out = append(out, o)
		}
	}
	return out
}

func (l *loader) object(v cty.Value, at hcl.Range, name string, known []string) (object, bool) {
	o := object{text: map[string]string{}, at: at}
	good := true
	for key, value := range v.AsValueMap() {
		text, err := convert.Convert(value, cty.String)
		switch {
		case !slices.Contains(known, key):
			l.fault(at, "Unsupported argument", "%s does not know %q, but %s.", name, key, orList(known))
			good = false
		case err != nil:
			l.fault(at, "Wrong type", "%s of %s must be a string.", key, name)
			good = false
		case !text.IsNull():
			o.text[key] = text.AsString()
		}
	}
	return o, good
}
