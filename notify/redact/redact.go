// Package redact keeps secrets and control bytes out of whatever people read.
//
// A [Secret] is a string that prints as (redacted) in every format, so that a configuration can be logged without
// thought. A [Redactor] knows the values of secrets and removes them from text on its way to any sink: Slack, the
// log, the store, a terminal. [Clean] strips what could take over a terminal or forge a line, and [Handler] does both
// to everything that is logged.
//
// # What is found
//
// The exact values of the secrets, and the forms in which they travel: base64 (standard and URL alphabet, also in the
// middle of a longer value, as in a Basic authorization header), hex, URL escapes, JSON and Go string escapes. A value of several
// lines is also looked for line by line, because tools indent and wrap it. Beside the values that are known, a few shapes of
// tokens are always removed, whoever they belong to: Slack's, GitHub's, AWS access key ids, PEM private keys.
//
// # What is not
//
// Values shorter than four bytes are left alone: removing every "on" or "1" would leave no text. Other transformations
// (compression, encryption, a hash, splitting a value over two fields) are out of reach; terraform's own `sensitive`
// is what hides those.
package redact

import (
	"regexp"
	"sort"
	"strings"
)

// minLength is the length in bytes below which a value is not looked for.
const minLength = 4

// minLine is the same for one line of a value of several lines: lines like `{` or `-----` say nothing.
const minLine = 8

// Redactor removes the values of secrets from text. It is safe for concurrent use; it never changes after [New].
type Redactor struct {
	values *strings.Replacer // nil: nothing to look for
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
	seen := map[string]bool{}
	var forms []string
	for _, s := range secrets {
		for _, form := range formsOf(s.value) {
			if !seen[form] {
				seen[form] = true
				forms = append(forms, form)
			}
		}
	}
	r := &Redactor{shapes: tokenShapes()}
	if len(forms) == 0 {
		return r
	}
	// A Replacer takes, at one place, the pair that comes first: the longest must win, or its tail would stay.
	sort.SliceStable(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, placeholder)
	}
	r.values = strings.NewReplacer(pairs...)
	return r
}

// Redact returns s without the values of the secrets. A nil Redactor still knows the shapes.
func (r *Redactor) Redact(s string) string {
	if s == "" {
		return s
	}
	if r == nil {
		return New().Redact(s)
	}
	if r.values != nil {
		s = r.values.Replace(s)
	}
	for _, sh := range r.shapes {
		if strings.Contains(s, sh.hint) {
			s = sh.pattern.ReplaceAllString(s, sh.with)
		}
	}
	return s
}

func tokenShapes() []shape {
	shapes := []shape{
		// xoxb-, xoxp-, xoxe.xoxp- and their kind; xapp- is the app-level token.
		{hint: "xox", pattern: regexp.MustCompile(`xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}`)},
		{hint: "xapp-", pattern: regexp.MustCompile(`xapp-[A-Za-z0-9-]{8,}`)},
		{hint: "gh", pattern: regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{16,}`)},
		{hint: "github_pat_", pattern: regexp.MustCompile(`github_pat_[A-Za-z0-9_]{16,}`)},
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
