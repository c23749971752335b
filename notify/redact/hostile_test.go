package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"sallyport/notify/redact"
)

// encoding is a way in which a value travels. Beside the text it gives what of that text tells the value.
type encoding struct {
	name   string
	encode func(value string) string
}

func encodings() []encoding {
	jsonOf := func(html bool) func(string) string {
		return func(value string) string {
			var b strings.Builder
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(html)
			if err := e.Encode(value); err != nil {
				panic(err)
			}
			return strings.TrimSuffix(b.String(), "\n")
		}
	}
	return []encoding{
		{"itself", func(v string) string { return v }},
		{"base64", func(v string) string { return base64.StdEncoding.EncodeToString([]byte(v)) }},
		{"base64 for URLs", func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }},
		{"hex", func(v string) string { return hex.EncodeToString([]byte(v)) }},
		{"upper hex", func(v string) string { return strings.ToUpper(hex.EncodeToString([]byte(v))) }},
		{"query", url.QueryEscape},
		{"path", url.PathEscape},
		{"every byte", func(v string) string {
			var b strings.Builder
			for _, c := range []byte(v) {
				fmt.Fprintf(&b, "%%%02x", c)
			}
			return b.String()
		}},
		{"HTML", html.EscapeString},
		{"HTML by number", func(v string) string {
			return strings.NewReplacer("<", "&#60;", ">", "&#x3e;", "&", "&amp;", `"`, "&quot;", "'", "&apos;").Replace(v)
		}},
		{"JSON", jsonOf(false)},
		{"JSON for HTML", jsonOf(true)},
		{"JSON with slashes", func(v string) string { return strings.ReplaceAll(jsonOf(false)(v), "/", `\/`) }},
		{"Go", strconv.Quote},
		{"ASCII", strconv.QuoteToASCII},
		{"HCL", func(v string) string { return string(hclwrite.TokensForValue(cty.StringVal(v)).Bytes()) }},
	}
}

// junk is what gets between the characters of a value on its way to people.
func junk() []string {
	return []string{"\x1b[31m", "\x1b[0m", "\x1b[1;4m", "\x1b]0;title\a", "\x1b(B", "\u009b31m", "\u200b", "\ufeff", "\u00ad", "\u202e", "\x00", "\x7f",
		"\n", "\r\n", "\r", "\n      ", "\n\t", "\u2028", "\n  + ", "\n  - ", "\n│ ", "\n│   "}
}

// strewn puts junk between the characters of a text.
func strewn(t *rapid.T, text string) string {
	runes := []rune(text)
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "here") == 0 {
			for range rapid.IntRange(1, 3).Draw(t, "how many") {
				b.WriteString(rapid.SampledFrom(junk()).Draw(t, "junk"))
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// bare is a text without all that wraps it.
func bare(s string) string {
	return regexp.MustCompile(`[\s\x00-\x1f+│-]`).ReplaceAllString(redact.Clean(s), "")
}

// outputs is what people see of a text, by each way that there is.
func outputs(r *redact.Redactor, in string) map[string]string {
	all := map[string]string{"Text": r.Text(in), "Line": r.Line(in)}
	for name, make := range map[string]func(*bytes.Buffer) slog.Handler{
		"text log": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON log": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(r.Handler(make(&b)))
		log.Info(in, "attr", in, slog.Group("g", "err", fmt.Errorf("wrapped: %s", in)))
		all[name] = b.String()
	}
	return all
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// values are secrets with the characters that escapes are made for, and a part that none of them changes.
func values() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(2, 8).Draw(t, "parts") {
			b.WriteString(rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 4, 10, -1).Draw(t, "letters"))
			b.WriteString(rapid.SampledFrom([]string{"", `"`, `\`, "<", ">", "&", "%", "/", "=", "'", "${", "%{", "é", ".", "\n", "\t", "?", "#", "$", " "}).Draw(t, "special"))
		}
		return b.String() + "Zz9"
	})
}

// A value may begin with the end of an escape sequence. Were that replaced, what is left of the sequence would take the
// beginning of the next line, which then is no value any more.
func TestValueThatBeginsInASequence(t *testing.T) {
	r := redact.New(redact.NewSecret("eHTgvY7k\nkahbESafPW/Zz9"))
	for name, in := range map[string]string{
		"BEL": "key \"e\x1b]0;title\a\nHTgvY7k\\nk\x1b[0mahbESafPW/Zz9\"",
		"ST":  "key \"e\x1b]0;title\x1b\\\nHTgvY7k\\nk\x1b[0mahbESafPW/Zz9\"",
		"C1":  "key \"e\u009d0;title\a\nHTgvY7k\\nk\x1b[0mahbESafPW/Zz9\"",
	} {
		for sink, out := range outputs(r, in) {
			if !strings.Contains(out, "(redacted)") || strings.Contains(out, "ahbESaf") {
				t.Errorf("%s, %s: %q", name, sink, out)
			}
		}
	}
}

// TestNoWrittenFormGetsThrough: whatever a value was turned into, wrapped and coloured, nobody reads it.
func TestNoWrittenFormGetsThrough(t *testing.T) {
	for _, e := range encodings() {
		t.Run(e.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value := values().Draw(t, "value")
				r := redact.New(redact.NewSecret("another-secret"), redact.NewSecret(value))
				written := e.encode(value)
				in := "the key is ( " + strewn(t, written) + " ) and so on"
				for sink, out := range outputs(r, in) {
					if !strings.Contains(out, "(redacted)") {
						t.Fatalf("%s: nothing was redacted in %q: %q", sink, in, out)
					}
					for _, text := range []string{value, written} {
						if strings.Contains(out, text) || strings.Contains(bare(out), bare(text)) {
							t.Fatalf("%s: %q of %q is in %q", sink, text, in, out)
						}
					}
				}
			})
		})
	}
}

// TestInsideOfLongerBase64: at each of the three offsets, and wrapped as base64 does.
func TestInsideOfLongerBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := values().Draw(t, "value")
		before := strings.Repeat("b", rapid.IntRange(0, 100).Draw(t, "before"))
		after := strings.Repeat("a", rapid.IntRange(0, 100).Draw(t, "after"))
		e := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.URLEncoding}).Draw(t, "alphabet")
		text := e.EncodeToString([]byte(before + value + after))
		// What tells nothing but the value: all whole characters of it.
		from, to := (len(before)*8+5)/6, (len(before)+len(value))*8/6
		own, around := text[from:to], text[:from]+"()"+text[to:]
		var wrapped strings.Builder
		width := rapid.SampledFrom([]int{60, 64, 76}).Draw(t, "width")
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\n        ", `\n`, `\r\n`, "\n  + ",
			"\nterraform_data.node[\"a b\"]: (local-exec): "}).Draw(t, "line end")
		for rest := text; rest != ""; {
			n := min(width, len(rest))
			wrapped.WriteString(rest[:n])
			if rest = rest[n:]; rest != "" {
				wrapped.WriteString(end)
			}
		}
		out := redact.New(redact.NewSecret(value)).Text("data = " + wrapped.String())
		flat := strings.NewReplacer("terraform_data.node[\"a b\"]: (local-exec): ", "", "\n", "", " ", "", `\n`, "", `\r`, "").Replace(out)
		for i := 0; i+8 <= len(own); i++ {
			if strings.Contains(around, own[i:i+8]) { // a value of many a's is like what stands around it
				continue
			}
			if strings.Contains(strings.ReplaceAll(flat, "(redacted)", "()"), own[i:i+8]) {
				t.Fatalf("%q of %q is in %q", own[i:i+8], wrapped.String(), out)
			}
		}
	})
}

// TestSingleLines: a line of a value that has several, from eight characters on, alone and in another order.
func TestSingleLines(t *testing.T) {
	r := redact.New(redact.NewSecret("first line\nseven77\neight888\n\tindented one\nlast"))
	for in, want := range map[string]string{
		"it says eight888.":    "it says (redacted).",
		"it says seven77.":     "it says seven77.",
		"eight888\nfirst line": "(redacted)\n(redacted)",
		"  indented one":       "  (redacted)",
		"eig\x1b[31mht888":     "(redacted)",
		"eight\n  888":         "(redacted)",
		"first line\nseven77\neight888\n\tindented one\nlast!": "(redacted)!",
	} {
		if got := r.Text(in); got != want {
			t.Errorf("of %q people see %q, want %q", in, got, want)
		}
	}
}

// TestWhatStays: what is no secret is not touched, however it is written.
func TestWhatStays(t *testing.T) {
	r := redact.New(redact.NewSecret("abcd"), redact.NewSecret("hunter22"))
	for _, text := range []string{
		"ends in ab\ncd begins the next", "100% of 5%zz & more; &amp; &unknown;", `C:\new\table "quoted" \`, "  + a = 1\n  - b = 2\n│ Error: no\n",
		"$${literal} ${a}", "naïve 日本\n\n\n", "%", "&", `\`, "\n", "",
	} {
		if got := r.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for in, want := range map[string]string{
		"a\nhunter22\nb":      "a\n(redacted)\nb", // the lines around it keep their ends
		"hunter22\n  + next":  "(redacted)\n  + next",
		"hunter22hunter22":    "(redacted)(redacted)",
		"\x1bhunter22":        "(redacted)", // the escape would have taken its first letter away
		"hunter22-and-abcd":   "(redacted)-and-(redacted)",
		`say "hunter\u00322"`: `say "(redacted)"`,
	} {
		if got := r.Text(in); got != want {
			t.Errorf("of %q people see %q, want %q", in, got, want)
		}
	}
}

// Values that overlap leave no end of either.
func TestOverlappingValues(t *testing.T) {
	r := redact.New(redact.NewSecret("start-middle"), redact.NewSecret("middle-ending"))
	if got := r.Text("x start-middle-ending y"); got != "x (redacted) y" {
		t.Errorf("people see %q", got)
	}
}
