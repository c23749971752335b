package outbox

import (
	"errors"
	"testing"
	"time"

	"sallyport/notify/webhook"
	"sallyport/store"
)

// What a receiver refuses is given up after a number of tries, everything else after days; and only what is about the receiver
// itself holds up what else there is to tell it.
func TestAfterFailure(t *testing.T) {
	now := time.Date(2026, 3, 1, 4, 10, 0, 0, time.UTC)
	refused := &webhook.Error{Status: 400}
	for name, tc := range map[string]struct {
		err      error
		attempts int
		age      time.Duration
		want     failure
	}{
		"no answer":            {&webhook.Error{}, 1, 0, failure{others: true, wait: 2 * time.Second}},
		"an error of its own":  {&webhook.Error{Status: 503}, 4, time.Hour, failure{others: true, wait: 16 * time.Second}},
		"as long as it asks":   {&webhook.Error{Status: 429, After: time.Minute}, 1, 0, failure{others: true, wait: time.Minute}},
		"not sooner than ours": {&webhook.Error{Status: 429, After: time.Second}, 5, 0, failure{others: true, wait: 32 * time.Second}},
		"tried for hours":      {&webhook.Error{Status: 503}, 100, 71 * time.Hour, failure{others: true, wait: maxSendWait}},
		"tried for days":       {&webhook.Error{Status: 503}, 900, 73 * time.Hour, failure{over: true, others: true, wait: maxSendWait}},
		"a command fails":      {errors.New("exit status 1"), 3, 0, failure{others: true, wait: 8 * time.Second}},
		"a command for days":   {errors.New("exit status 1"), 900, 73 * time.Hour, failure{over: true, others: true, wait: maxSendWait}},
		"refused":              {refused, 1, 0, failure{wait: 2 * time.Second}},
		"refused once less":    {refused, maxWordRefused - 1, 0, failure{wait: maxSendWait}},
		"refused to the end":   {refused, maxWordRefused, 0, failure{over: true, wait: maxSendWait}},
		"a redirect":           {&webhook.Error{Status: 302}, maxWordRefused, 0, failure{over: true, wait: maxSendWait}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := afterFailure(&store.Message{Attempts: tc.attempts, CreatedAt: now.Add(-tc.age)}, tc.err, now); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}
