package slackbot

import (
	"testing"
	"time"
)

// A few looks can be woken at once, and then one in each breath; what is not used comes back.
func TestSpare(t *testing.T) {
	t.Parallel()
	e, now := &slackReader{}, time.Now()
	for i := range woken {
		if wait := e.spare(now); wait != 0 {
			t.Fatalf("look %d waits %s", i, wait)
		}
		e.owed = later(e.owed, now).Add(breath)
	}
	if wait := e.spare(now); wait != breath {
		t.Errorf("after %d looks the next one waits %s", woken, wait)
	}
	if wait := e.spare(now.Add(breath)); wait != 0 {
		t.Errorf("after a breath it still waits %s", wait)
	}
	if wait := e.spare(now.Add(time.Hour)); wait != 0 {
		t.Errorf("after an hour it waits %s", wait)
	}
}

// A thread that is answered before it is recorded is looked for a few times; others are not.
func TestLookAgain(t *testing.T) {
	t.Parallel()
	e := &slackReader{said: map[string]bool{"C/young": true, "C/old": false, "C/ours": true}, known: map[string]bool{"C/ours": true}}
	for i := range looks {
		if next := e.lookAgain(time.Hour); next != time.Second<<i || len(e.again) != 1 || e.again["C/young"] != i+1 {
			t.Fatalf("look %d: again in %s, %v", i, next, e.again)
		}
		e.said = map[string]bool{"C/young": true}
	}
	if next := e.lookAgain(time.Hour); next != time.Hour || len(e.again) != 0 {
		t.Errorf("it never ends: %s, %v", next, e.again)
	}
	e.said, e.known = map[string]bool{"C/young": true}, map[string]bool{"C/young": true}
	if next := e.lookAgain(time.Hour); next != time.Hour {
		t.Errorf("it is ours by now, and looked for again in %s", next)
	}
}

// Polling is slower while the socket tells, and never slower than a minute because of that.
func TestSlowed(t *testing.T) {
	t.Parallel()
	for rest, want := range map[time.Duration]time.Duration{
		5 * time.Second: 20 * time.Second, 30 * time.Second: time.Minute, time.Minute: time.Minute, 2 * time.Minute: 2 * time.Minute,
	} {
		if got := slowed(rest); got != want {
			t.Errorf("%s becomes %s", rest, got)
		}
	}
}
