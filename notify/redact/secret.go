package redact

import (
	"fmt"
	"io"
	"log/slog"
)

// placeholder is what people see in the place of a secret.
const placeholder = "(redacted)"

// Secret is a value that never prints. Only [Secret.Reveal] gives it away, so that a search for that word finds
// every place where a secret leaves.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value itself.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == "" }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return placeholder
}

// GoString implements fmt.GoStringer, so that %#v does not print the value either.
func (s Secret) GoString() string { return `redact.Secret{` + s.String() + `}` }

// Format implements fmt.Formatter for every verb: with %d, or inside a struct, fmt would look past String and print the
// value itself.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = io.WriteString(f, s.GoString())
		return
	}
	_, _ = io.WriteString(f, s.String())
}

// MarshalText implements encoding.TextMarshaler for JSON and slog's text handler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
