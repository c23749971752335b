package config

import (
	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
)

// windows reads apply_window and freeze.
func (d *stackDecoder) windows(a decode.Attributes, s *Stack) {
	for _, o := range d.l.Objects(a, "apply_window", "schedule", "duration") {
		if w, ok := calendar.ReadWindow(d.l, o); ok {
			s.ApplyWindows = append(s.ApplyWindows, w)
		}
	}
	for _, o := range d.l.Objects(a, "freeze", "from", "to", "zone", "reason") {
		if f, ok := calendar.ReadFreeze(d.l, o); ok {
			s.Freezes = append(s.Freezes, f)
		}
	}
}
