// Package redact keeps secrets and control bytes out of whatever people read.
//
// A [Secret] is a string that prints as (redacted) in every format, so that a configuration can be logged without
// thought. A [Redactor] knows the values of secrets: [Redactor.Text], [Redactor.Line] and [Redactor.Handler] are the only
// ways through it, and each of them removes the values, then what could take over a terminal or forge a line ([Clean]), and
// then the values that only this has put together again.
//
// # What is found
//
// The exact values of the secrets, and the forms in which they travel: base64 (standard and URL alphabet, also in the
// middle of a longer value, as in a Basic authorization header), hex, the escapes of URLs, HTML, JSON, Go and HCL. A value of
// several lines is also looked for line by line, from eight characters on, because tools indent and reorder it.
//
// Where it was wrapped, the value is found all the same: line ends with the indentation or the sign of a diff after them do
// not count, nor do characters that are not seen, nor escape sequences. Only a value of less than eight bytes has to stand
// in one line: the end of a word and the beginning of the next make one too often.
//
// Beside the values that are known, a few shapes of tokens are always removed, whoever they belong to: Slack's, GitHub's, GitLab's, Atlassian's, AWS
// access key ids, PEM private keys.
//
// # What is not
//
// Values shorter than four bytes are left alone: removing every "on" or "1" would leave no text. Other transformations
// (compression, encryption, a hash, splitting a value over two fields, two escapings of each other but for JSON in JSON) are
// out of reach; terraform's own `sensitive` is what hides those.
package redact

import (
	"regexp"
	"strings"
)

// minLength is the length in bytes below which a value is not looked for.
const minLength = 4

// minLine is the same for one line of a value of several lines: lines like `{` or `-----` say nothing.
const minLine = 8

// Redactor removes the values of secrets from text. It is safe for concurrent use; it never changes after [New].
type Redactor struct {
	values *matcher // nil: nothing to look for
	spaced *matcher // the values with blanks, without them; nil: none has any
	shapes []shape
}

// shape is the pattern of a token that is removed whoever it belongs to. The hint is a literal part of every match:
// looking for it first keeps the regular expression away from megabytes of text that cannot match.
type shape struct {
	hint    string
	pattern *regexp.Regexp
	with    string
}

// New makes a redactor of the given secrets. Without any it still removes the well-known shapes of tokens.
func New(secrets ...Secret) *Redactor {
	var forms, pressed []string
	for _, s := range secrets {
		for _, form := range formsOf(s.value) {
			forms = append(forms, viewed(form)...)
			if v := seen(form).in(spaced); v != nil {
				pressed = append(pressed, string(v.text))
			}
		}
	}
	return &Redactor{shapes: tokenShapes(), values: newMatcher(forms, minLength), spaced: newMatcher(pressed, minLine)}
}

// viewed is a form as it is in the view of a text, inside of a line and at the beginning of one.
func viewed(form string) []string {
	return []string{string(seen(form).text), string(seen("\n" + form).text)}
}

// Text returns a text of several lines as people may read it: without the values of secrets, and clean (see [Clean]).
func (r *Redactor) Text(s string) string { return Clean(r.safe(s)) }

// Line is [Redactor.Text] for what must stay on one line; see [CleanLine].
func (r *Redactor) Line(s string) string { return CleanLine(r.safe(s)) }

// safe redacts before and after what is not seen is taken away. Before, since a character after an escape goes with it, and may
// belong to a value; after, since what was inside of a value may be gone.
func (r *Redactor) safe(s string) string {
	if r == nil {
		r = New() // the shapes are known all the same
	}
	s = r.redact(s)
	if plain(s, '\n') {
		return s // the usual case: nothing is taken away
	}
	return r.redact(clean(s, 0))
}

func (r *Redactor) redact(s string) string {
	if s == "" {
		return s
	}
	if r.values != nil {
		s = replaced(s, whole(s, r.spans(s)))
	}
	for _, sh := range r.shapes {
		if strings.Contains(s, sh.hint) {
			s = sh.pattern.ReplaceAllString(s, sh.with)
		}
	}
	return s
}

// spans is where values are in a text.
func (r *Redactor) spans(s string) []span {
	v := seen(s)
	views := []*view{v, v.in(backslash), v.in(percent), v.in(entity)}
	var spans []span
	for _, v := range views {
		if v == nil {
			continue
		}
		spans = r.values.find(s, v, spans)
		if r.spaced == nil {
			continue
		}
		// A line may end at a blank of the value, which is then gone.
		if v = v.in(spaced); v != nil {
			spans = r.spaced.find(s, v, spans)
		}
	}
	return spans
}

func tokenShapes() []shape {
	shapes := []shape{
		// xoxb-, xoxp-, xoxe.xoxp- and their kind; xapp- is the app-level token.
		{hint: "xox", pattern: regexp.MustCompile(`xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}`)},
		{hint: "xapp-", pattern: regexp.MustCompile(`xapp-[A-Za-z0-9-]{8,}`)},
		{hint: "gh", pattern: regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{16,}`)},
		{hint: "github_pat_", pattern: regexp.MustCompile(`github_pat_[A-Za-z0-9_]{16,}`)},
		// GitLab's of people, projects and groups, for deploying, triggers and jobs; those of Atlassian, of accounts and of repositories.
		{hint: "glpat-", pattern: regexp.MustCompile(`glpat-[A-Za-z0-9_=-]{16,}(?:\.[A-Za-z0-9]{2}\.[A-Za-z0-9]{6,})?`)},
		{hint: "gldt-", pattern: regexp.MustCompile(`gldt-[A-Za-z0-9_=-]{16,}`)},
		{hint: "glptt-", pattern: regexp.MustCompile(`glptt-[A-Za-z0-9_=-]{16,}`)},
		{hint: "glcbt-", pattern: regexp.MustCompile(`glcbt-[A-Za-z0-9_=-]{16,}`)},
		{hint: "ATATT3x", pattern: regexp.MustCompile(`ATATT3x[A-Za-z0-9_=-]{16,}`)},
		{hint: "ATCTT3x", pattern: regexp.MustCompile(`ATCTT3x[A-Za-z0-9_=-]{16,}`)},
		{hint: "AKIA", pattern: regexp.MustCompile(`AKIA[0-9A-Z]{16}`)},
		{hint: "ASIA", pattern: regexp.MustCompile(`ASIA[0-9A-Z]{16}`)},
		// Without an END line (the text was cut) everything after the BEGIN line goes.
		{hint: "PRIVATE KEY-----", pattern: regexp.MustCompile(
			`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY-----|.*)`)},
		// The password of a URL in somebody's error message.
		{hint: "://", pattern: regexp.MustCompile(`(://[^\s/@:"'<>]*:)[^\s/@"'<>]+@`), with: "${1}" + placeholder + "@"},
	}
	for i := range shapes {
		if shapes[i].with == "" {
			shapes[i].with = placeholder
		}
	}
	return shapes
}
