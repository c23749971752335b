package trusted

import (
	"testing"
)

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{"/etc/x.hcl": "/etc/x.hcl", "/a b": "'/a b'", "/it's": `'/it'\''s'`} {
		if got := shellQuote(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
