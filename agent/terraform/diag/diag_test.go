package diag

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseLockInfo(t *testing.T) {
	got := parseLockInfo("resource temporarily unavailable\nLock Info:\n  ID:        c46f-1\n  Path:      s3://b/k\n" +
		"  Operation: OperationTypePlan\n  Who:       root@host\n  Version:   1.11.4\n  Created:   2026-11-23 22:11:05.5 +0000 UTC\n  Info:      \n\n" +
		"Terraform acquires a state lock")
	want := &LockInfo{ID: "c46f-1", Path: "s3://b/k", Operation: "OperationTypePlan", Who: "root@host", Version: "1.11.4",
		Created: "2026-11-23 22:11:05.5 +0000 UTC"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := time.Date(2026, 11, 23, 22, 11, 5, 5e8, time.UTC); !got.Since().Equal(want) {
		t.Errorf("since %v, want %v", got.Since(), want)
	}
}

func TestTransient(t *testing.T) {
	for text, want := range map[string]bool{
		"could not connect to registry.terraform.io: failed to request discovery document: Get: dial tcp: lookup: no such host": true,
		"Get \"https://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused":                                       true,
		"net/http: TLS handshake timeout":                                 true,
		"fatal: unable to access 'https://x/': Could not resolve host: x": true,
		"fatal: unable to access: The requested URL returned error: 503":  true,
		"api error Throttling: Rate exceeded":                             true,
		"429 Too Many Requests":                                           true,
		"ssh: connect to host ghe port 22: Connection timed out":          true,
		"An argument named \"colour\" is not expected here.":              false,
		"InvalidParameterValue: instance type 500 is unknown":             false,
		"fatal: Authentication failed for 'https://x/'":                   false,
		"the requested URL returned error: 404":                           false,
	} {
		diags := []Diagnostic{{Severity: "error", Summary: "Something failed", Detail: text}}
		if got := transient(diags, ""); got != want {
			t.Errorf("%s: transient %v", text, got)
		}
		if got := transient(nil, text); got != want {
			t.Errorf("%s as output: transient %v", text, got)
		}
	}
}

// Backends that do not know the holder show the lock that was asked for: that is nobody's.
func TestLockOfOurOwnRequestIsNobodys(t *testing.T) {
	began := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	of := Period{Began: began, Ended: began.Add(time.Minute)}
	text := func(created string) string {
		return "Error: Error acquiring the state lock\n\nError message: held\nLock Info:\n  ID:        11604235-b2c3-23f3-ee02-24ec3fa7688f\n  Who:       root@host\n  Created:   " + created + "\n"
	}
	if got := lockIn(nil, text("2026-03-01 03:00:00.5 +0000 UTC"), of); got == nil || got.ID != "" || got.Who != "" {
		t.Errorf("our own request: %+v", got)
	}
	if got := lockIn(nil, text("2026-03-01 02:59:59.9 +0000 UTC"), of); got == nil || got.ID != "11604235-b2c3-23f3-ee02-24ec3fa7688f" || got.Who != "root@host" {
		t.Errorf("an older lock: %+v", got)
	}
	// It was taken while the clock was ahead, which has been put back since.
	if got := lockIn(nil, text("2027-04-05 03:00:00.5 +0000 UTC"), of); got == nil || got.ID != "11604235-b2c3-23f3-ee02-24ec3fa7688f" || got.Who != "root@host" {
		t.Errorf("a lock of a clock that was ahead: %+v", got)
	}
	if got := lockIn(nil, "Error: no such file", of); got != nil {
		t.Errorf("no lock: %+v", got)
	}
}

func TestDiagnosticText(t *testing.T) {
	d := Diagnostic{Severity: "error", Summary: "Invalid expression", Detail: "Expected the start\nof an expression.", File: "main.tf", Line: 2,
		Context: `resource "a" "b"`, Code: "  input = "}
	want := "Error: Invalid expression\n\n  on main.tf line 2, in resource \"a\" \"b\":\n    2:   input = \n\nExpected the start\nof an expression."
	if diff := cmp.Diff(want, d.String()); diff != "" {
		t.Error(diff)
	}
	if got, want := d.Short(), "Invalid expression: Expected the start of an expression. (main.tf:2)"; got != want {
		t.Errorf("short: %s", got)
	}
}

// What a configuration makes an error say is carried along in part, and cut where no half of a secret is left.
func TestLongDiagnostics(t *testing.T) {
	long := strings.Repeat("a word ", 1<<20) + "secret-value"
	d := Diagnostic{Severity: "error", Summary: long, Detail: long, Code: long, Context: long, Address: strings.Repeat("x", 1<<20)}.Bounded()
	for _, s := range []string{d.Summary, d.Detail, d.Code, d.Context} {
		if len(s) > maxKept+3 || !strings.HasSuffix(s, " a...") && !strings.HasSuffix(s, " word...") {
			t.Errorf("%d bytes are kept, and they end with %q", len(s), s[len(s)-20:])
		}
	}
	if d.Address != "..." {
		t.Errorf("the address has %d bytes", len(d.Address))
	}
	shown := d.Redacted(func(s string) string { return strings.ReplaceAll(s, "word", "(redacted)") })
	if n := len(shown.Detail); n > maxShown+3 || n < maxShown/2 || strings.Contains(shown.Detail, "word") {
		t.Errorf("%d bytes are shown: %.40q", n, shown.Detail)
	}
	small := Diagnostic{Severity: "error", Summary: "s", Detail: "d"}
	if small.Bounded() != small {
		t.Errorf("a short one became %+v", small.Bounded())
	}
}
