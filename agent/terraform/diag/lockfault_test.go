package diag

import (
	"strings"
	"testing"
	"time"
)

// advice is what terraform says after every error of a state lock.
const advice = "\n\nTerraform acquires a state lock to protect the state from being written\nby multiple users at the same time. Please resolve the issue " +
	"above and try\nagain. For most commands, you can disable locking with the \"-lock=false\"\nflag, but this is not recommended."

// What terraform 1.11.4 and OpenTofu 1.12.6 say when a backend answers LOCK, and what other backends are known to say.
func TestLockFaults(t *testing.T) {
	const info = "\nLock Info:\n  ID:        46df969b\n  Path:      \n  Operation: OperationTypePlan\n  Who:       joe@else\n  Version:   1.11.4\n  Created:   2026-11-30 09:51:49.2 +0000 UTC\n  Info:      \n\n"
	for name, c := range map[string]struct {
		said      string
		held      bool
		transient bool
		hint      string
	}{
		"http 401":                   {"HTTP remote state endpoint requires auth", false, false, "nobody holds the state lock, as far as is known: the backend could not be asked for it (HTTP remote state endpoint requires auth). Terraform needs credentials"},
		"http 403":                   {"HTTP remote state endpoint invalid auth", false, false, "(HTTP remote state endpoint invalid auth)"},
		"http 404":                   {"Unexpected HTTP response code 404", false, false, "(Unexpected HTTP response code 404)"},
		"http 500":                   {"Failed to lock: LOCK http://127.0.0.1:18714/500 giving up after 1 attempt(s)", false, true, "It is the backend that has to be brought back"},
		"http 503 without retries":   {"Unexpected HTTP response code 503", false, true, "(Unexpected HTTP response code 503). It is the backend"},
		"http, nobody there":         {"Failed to lock: LOCK http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused", false, true, "connection refused"},
		"http 423":                   {"HTTP remote state already locked: ID=other-id" + info, true, true, "holds the state lock other-id"},
		"s3, the lock file is there": {"operation error S3: PutObject, https response error StatusCode: 412, RequestID: 1, api error PreconditionFailed: At least one of the pre-conditions you specified did not hold" + info, true, true, "held by joe@else"},
		"s3, not allowed":            {"operation error S3: PutObject, https response error StatusCode: 403, RequestID: 1, api error AccessDenied: Access Denied", false, false, "AccessDenied"},
		"dynamodb, held":             {"operation error DynamoDB: PutItem, https response error StatusCode: 400, ConditionalCheckFailedException: The conditional request failed" + info, true, true, "held by joe@else"},
		"local, held":                {"resource temporarily unavailable" + info, true, true, "held by joe@else"},
		"words that nobody knows":    {"the moon is in the wrong house", true, true, "the backend does not say who holds it"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
			for form, e := range map[string]*Error{
				"diagnostics": {Diagnostics: []Diagnostic{{Severity: "error", Summary: summaryLock, Detail: "Error message: " + c.said + advice}}},
				"output":      {Output: "Error: " + summaryLock + "\n\nError message: " + c.said + advice},
				"of tofu":     {Output: "Error: " + summaryLock + "\n\nError message: " + c.said + strings.ReplaceAll(advice, "Terraform", "OpenTofu")},
			} {
				e.Judge(Period{Began: began, Ended: began.Add(time.Minute)})
				if (e.Lock != nil) != c.held || e.Transient != c.transient || !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Hint, "acquires") {
					t.Errorf("%s: held %v, transient %v, hint %q", form, e.Lock != nil, e.Transient, e.Hint)
				}
			}
		})
	}
	if got := LockAdvice([]Diagnostic{{Severity: "error", Summary: summaryLock, Detail: "Error message: HTTP remote state endpoint requires auth" + advice}}, Period{Began: time.Now()}); !strings.Contains(got, "nobody holds") {
		t.Errorf("advice to an apply: %q", got)
	}
}
