package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sallyport/notify/redact"
)

func TestClean(t *testing.T) {
	tests := map[string]struct{ in, want, line string }{
		"plain":               {"a b\n\tc", "a b\n\tc", "a b  c"},
		"letters of all kind": {"naïve 日本 ✋🏽", "naïve 日本 ✋🏽", "naïve 日本 ✋🏽"},
		"colour":              {"\x1b[1;31mred\x1b[0m", "red", "red"},
		"cursor up, erase":    {"ok\x1b[1A\x1b[2Kforged", "okforged", "okforged"},
		"title":               {"a\x1b]0;evil\ab", "ab", "ab"},
		"link":                {"\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\", "text", "text"},
		"title never closed":  {"a\x1b]0;evil\nsecond", "a\nsecond", "a second"},
		"DCS":                 {"a\x1bPq#0\x1b\\b", "ab", "ab"},
		"charset":             {"a\x1b(Bb", "ab", "ab"},
		"escape at the end":   {"a\x1b", "a", "a"},
		"C1 CSI":              {"a\u009b31mb", "ab", "ab"},
		"C1 OSC":              {"a\u009d0;evil\u009cb", "ab", "ab"},
		"raw C1 byte":         {"a\x9bb", "a\ufffdb", "a\ufffdb"},
		"bell, null, delete":  {"a\a\x00\x7fb", "ab", "ab"},
		"carriage return":     {"50%\r100%\r\n", "50%100%\n", "50% 100% "},
		"bidi":                {"a\u202eb\u2066c\u2069\u200e\u061c", "abc", "abc"},
		"zero width":          {"ap\u200bpro\u2060ve\ufeff", "approve", "approve"},
		"line separators":     {"a\u2028b\u2029c", "a\nb\nc", "a b c"},
		"invalid UTF-8":       {"a\xffb\xc3", "a\ufffdb\ufffd", "a\ufffdb\ufffd"},
		"tags":                {"a\U000e0041b", "ab", "ab"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := redact.Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got := redact.CleanLine(tt.in); got != tt.line {
				t.Errorf("CleanLine(%q) = %q, want %q", tt.in, got, tt.line)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x1b[31m", "\x1b]", "\u009b", "\xff\x1b(", "a\u202e\u2028", "\x1b\x1b[[m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, out := range []string{redact.Clean(in), redact.CleanLine(in)} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q is no UTF-8", out)
			}
			for _, r := range out {
				if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
					t.Fatalf("%q became %q, with %U", in, out, r)
				}
			}
			if again := redact.Clean(out); again != out {
				t.Fatalf("cleaning %q again gives %q", out, again)
			}
		}
		if strings.ContainsAny(redact.CleanLine(in), "\n\t") {
			t.Fatalf("more than a line: %q", redact.CleanLine(in))
		}
	})
}

type speaking struct{ what string }

func (s speaking) String() string { return s.what }

type silent struct{ Token string }

func TestHandler(t *testing.T) {
	r := redact.New(redact.NewSecret("hunter22"))
	var nilError *redact.Secret
	for _, kind := range []string{"text", "json"} {
		t.Run(kind, func(t *testing.T) {
			var out bytes.Buffer
			var next slog.Handler = slog.NewTextHandler(&out, nil)
			if kind == "json" {
				next = slog.NewJSONHandler(&out, nil)
			}
			log := slog.New(r.Handler(next)).With("with", "hunter22").WithGroup("group")
			log.Info("hunter22 \x1b[31mred\nforged line",
				"string", "hunter22", "err", fmt.Errorf("wrapped: %w", errors.New("hunter22 \x1b[2J")),
				"stringer", speaking{"hunter22"}, "struct", silent{"hunter22"}, "bytes", []byte("hunter22"),
				"secret", redact.NewSecret("other"), "nil", nil, "pointer", nilError, "list", []string{"hunter22"},
				slog.Group("inner", "deep", "hunter22", "n", 7), "split", "hun\u200bter22", "bad key\x1b[31m", 1)
			got := out.String()
			for _, bad := range []string{"hunter22", "\x1b", "other", `\u001b`} {
				if strings.Contains(got, bad) {
					t.Errorf("%q is in %s", bad, got)
				}
			}
			if strings.Count(got, "\n") != 1 {
				t.Errorf("more than one line: %q", got)
			}
			if !strings.Contains(got, "deep") || !strings.Contains(got, "7") || !strings.Contains(got, "group") {
				t.Errorf("something is missing: %s", got)
			}
		})
	}
}
