package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sallyport/notify/redact"
)

const canary = `p@ss/w0rd+"quo<ted>&\back`

func TestRedactForms(t *testing.T) {
	r := redact.New(redact.NewSecret(canary), redact.NewSecret("abcd"), redact.NewSecret("x"), redact.NewSecret(""))
	asJSON, _ := json.Marshal(canary)
	twice, _ := json.Marshal(string(asJSON))
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + canary))
	tests := map[string]string{
		"itself":                  canary,
		"inside words":            "token=" + canary + ";",
		"base64":                  base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64 without padding":  base64.RawStdEncoding.EncodeToString([]byte(canary)),
		"base64 for URLs":         base64.URLEncoding.EncodeToString([]byte(canary)),
		"hex":                     hex.EncodeToString([]byte(canary)),
		"upper hex":               strings.ToUpper(hex.EncodeToString([]byte(canary))),
		"query":                   url.QueryEscape(canary),
		"path":                    url.PathEscape(canary),
		"lower case escapes":      strings.NewReplacer("%2F", "%2f", "%2B", "%2b", "%3C", "%3c", "%3E", "%3e", "%5C", "%5c").Replace(url.QueryEscape(canary)),
		"JSON":                    string(asJSON),
		"JSON in JSON":            string(twice),
		"Go":                      fmt.Sprintf("%q", canary),
		"short secret of 4 bytes": "my abcd!",
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			out := r.Text(in)
			if !strings.Contains(out, "(redacted)") {
				t.Errorf("Redact(%q) = %q", in, out)
			}
			for _, piece := range []string{canary, "w0rd", "abcd"} {
				if strings.Contains(out, piece) {
					t.Errorf("Redact(%q) = %q still has %q", in, out, piece)
				}
			}
		})
	}
	t.Run("in a basic authorization header", func(t *testing.T) {
		out := r.Text("Authorization: Basic " + basic)
		for i := 0; i+8 <= len(basic)-len("x-access-token:")*4/3-4; i++ {
			piece := basic[len(basic)-8-i : len(basic)-i]
			if i > 3 && strings.Contains(out, piece) {
				t.Fatalf("%q still has %q", out, piece)
			}
		}
		if !strings.Contains(out, "(redacted)") {
			t.Errorf("got %q", out)
		}
	})
	if got := r.Text("x marks nothing"); got != "x marks nothing" {
		t.Errorf("a short value was removed: %q", got)
	}
}

func TestRedactPrefersTheLongest(t *testing.T) {
	r := redact.New(redact.NewSecret("hunter2"), redact.NewSecret("hunter2-and-more"))
	if got := r.Text("is hunter2-and-more"); got != "is (redacted)" {
		t.Errorf("got %q", got)
	}
}

func TestRedactLines(t *testing.T) {
	key := "-----BEGIN SPECIAL-----\nabcdefghijklmnop\nqrstuvwxyz012345\n-----END SPECIAL-----\n"
	r := redact.New(redact.NewSecret(key))
	for _, in := range []string{key, strings.ReplaceAll(key, "\n", "\r\n"), "   qrstuvwxyz012345", strings.ReplaceAll(key, "\n", "\n\t")} {
		if out := r.Text(in); strings.Contains(out, "abcdefgh") || strings.Contains(out, "qrstuvwx") {
			t.Errorf("Redact(%q) = %q", in, out)
		}
	}
}

func TestRedactShapes(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"bot token":       {"token xoxb-1234-5678-abcDEF.", "token (redacted)."},
		"app token":       {"xapp-1-A012-345-abcdef", "(redacted)"},
		"rotated token":   {"xoxe.xoxb-1-abcdefgh", "(redacted)"},
		"classic PAT":     {"ghp_" + strings.Repeat("a", 36) + " x", "(redacted) x"},
		"server token":    {"ghs_" + strings.Repeat("A", 36), "(redacted)"},
		"fine-grained":    {"github_pat_" + strings.Repeat("Z_", 20), "(redacted)"},
		"gitlab":          {"a glpat-" + strings.Repeat("aZ-_", 5) + ": x", "a (redacted): x"},
		"gitlab, routed":  {"glpat-" + strings.Repeat("aZ-_", 10) + ".01.0y1a2b3c4.", "(redacted)."},
		"gitlab, deploy":  {"gldt-" + strings.Repeat("a", 20), "(redacted)"},
		"gitlab, trigger": {"glptt-" + strings.Repeat("a", 40), "(redacted)"},
		"gitlab, a job":   {"glcbt-64_" + strings.Repeat("a", 20), "(redacted)"},
		"atlassian":       {"ATATT3xFfGF0" + strings.Repeat("a-_", 20) + "=ABCD1234", "(redacted)"},
		"bitbucket":       {"ATCTT3xFfGN0" + strings.Repeat("a", 60) + "=ABCD1234 x", "(redacted) x"},
		"aws key":         {"AKIAIOSFODNN7EXAMPLE", "(redacted)"},
		"url password":    {"cloning https://me:pa55@host/x.git", "cloning https://me:(redacted)@host/x.git"},
		"url without":     {"cloning https://me@host:22/x.git", "cloning https://me@host:22/x.git"},
		"private key":     {"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb", "a\n(redacted)\nb"},
		"cut private key": {"a -----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb", "a (redacted)"},
		"nothing":         {"xoxo, ghost, AKIA", "xoxo, ghost, AKIA"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, r := range []*redact.Redactor{redact.New(), nil} {
				if got := r.Text(tt.in); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestRedactConcurrently(t *testing.T) {
	r := redact.New(redact.NewSecret("correct horse"), redact.NewSecret("battery staple"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if got := r.Text("correct horse battery staple"); got != "(redacted) (redacted)" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	group.Wait()
}

func FuzzRedact(f *testing.F) {
	f.Add("s3cr3t-value", "before ", " after")
	f.Add("ab\"\\\n\x00cd", "\x1b[31m", "\xff")
	f.Add("https://u:p@h", "", "")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		trimmed := strings.Trim(secret, "\r\n")
		if len(trimmed) < 4 || strings.Contains("(redacted)", trimmed) {
			return
		}
		r := redact.New(redact.NewSecret(secret))
		asJSON, err := json.Marshal(secret)
		if err != nil {
			return
		}
		out := r.Text(before + trimmed + after + base64.StdEncoding.EncodeToString([]byte(trimmed)) + " " + string(asJSON))
		// What a replacement pushes together with what stood beside it may spell the value anew; nothing else may.
		if strings.Contains(out, trimmed) && !strings.Contains(strings.ReplaceAll(out, "(redacted)", "\x00\x00"), trimmed) {
			return
		}
		if strings.Contains(strings.ReplaceAll(out, "(redacted)", "\x00\x00\x00"), trimmed) && !strings.Contains(trimmed, "\x00") {
			t.Errorf("%q is still in %q", trimmed, out)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	var secrets []redact.Secret
	for i := range 20 {
		secrets = append(secrets, redact.NewSecret(fmt.Sprintf("secret-value-number-%d-of-many", i)))
	}
	r := redact.New(secrets...)
	text := strings.Repeat("  + resource \"aws_instance\" \"app\" { ami = \"ami-0123456789abcdef0\" }\n", 1<<20/70)
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	for b.Loop() {
		r.Text(text)
	}
}
