package follow

import "testing"

func TestGrown(t *testing.T) {
	for name, tt := range map[string]struct{ before, now, want string }{
		"nothing yet":                   {"", "a\n", "a\n"},
		"more":                          {"a\n", "a\nb\n", "b\n"},
		"a line goes on":                {"a\nb", "a\nbc\n", "c\n"},
		"nothing more":                  {"a\n", "a\n", ""},
		"a secret was found in a line":  {"a\nhunter2\nb\n", "a\n(redacted)\nb\nc\n", "(redacted)\nb\nc\n"},
		"a secret was found at the end": {"a\nhunt", "a\n(redacted)", "(redacted)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := grown(tt.before, tt.now); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
