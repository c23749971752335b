package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// formsOf lists the texts by which a value may be met.
func formsOf(value string) []string {
	value = strings.Trim(value, "\r\n")
	if len(value) < minLength {
		return nil
	}
	forms := []string{value}
	if strings.Contains(value, "\n") {
		for _, line := range strings.Split(value, "\n") {
			if line = strings.TrimSpace(line); len(line) >= minLine && !strings.HasPrefix(line, "-----") {
				forms = append(forms, line)
			}
		}
	}
	forms = append(forms, base64Forms(value)...)
	upper := strings.ToUpper(hex.EncodeToString([]byte(value)))
	forms = append(forms, strings.ToLower(upper), upper, strings.ReplaceAll(value, " ", "+")) // the last in a URL's query
	return append(forms, escapedForms(value)...)
}

// base64Forms gives the value's own encodings and, for each of the three positions that it can have inside a longer
// value, the characters that depend on nothing but the value.
func base64Forms(value string) []string {
	var forms []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, e.EncodeToString([]byte(value)), e.WithPadding(base64.NoPadding).EncodeToString([]byte(value)))
		for shift := range 3 {
			b := append(make([]byte, shift), value...)
			text := e.WithPadding(base64.NoPadding).EncodeToString(b)[:len(b)*8/6]
			if first := (shift*8 + 5) / 6; first < len(text) {
				text = text[first:]
			}
			if len(text) >= minLine { // shorter ones would be found in text that has nothing to do with the value
				forms = append(forms, text)
			}
		}
	}
	return forms
}

// escapedForms are JSON inside JSON: what a program logs of an answer that it could not read. A single escaping needs no form
// of its own; see [coding].
func escapedForms(value string) []string {
	forms := []string{unquoted(strconv.Quote(value))}
	if b, err := json.Marshal(value); err == nil {
		forms = append(forms, unquoted(string(b)))
	}
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err == nil {
		forms = append(forms, unquoted(strings.TrimSpace(plain.String())))
	}
	return forms
}

func unquoted(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
