package redact

import (
	"encoding/binary"
	"slices"
	"strings"
)

// matcher finds many values at once. Of each place it first asks whether any value begins with the four bytes there, of a
// table that fits into the processor's cache: that answers nearly always.
type matcher struct {
	table  [1 << 16 / 64]uint64
	starts map[uint32][]string // by their first four bytes, the longest first
}

// span is a part of a text.
type span struct{ from, to int }

// newMatcher finds those of the values that have at least so many bytes. It is nil if there are none.
func newMatcher(values []string, least int) *matcher {
	m := &matcher{starts: make(map[uint32][]string)}
	known := make(map[string]bool)
	for _, value := range values {
		if len(value) < least || known[value] {
			continue
		}
		known[value] = true
		key := binary.LittleEndian.Uint32([]byte(value[:minLength]))
		m.starts[key] = append(m.starts[key], value)
		slot := place(key)
		m.table[slot/64] |= 1 << (slot % 64)
	}
	for _, same := range m.starts {
		slices.SortFunc(same, func(a, b string) int { return len(b) - len(a) })
	}
	if len(known) == 0 {
		return nil
	}
	return m
}

// place is where a key is in the table.
func place(key uint32) uint32 { return key * 2654435761 >> 16 }

// find appends where values are in a text, by one of its views.
func (m *matcher) find(s string, v *view, spans []span) []span {
	text := v.text
	for i := 0; i+minLength <= len(text); i++ {
		key := binary.LittleEndian.Uint32(text[i:])
		if slot := place(key); m.table[slot/64]>>(slot%64)&1 == 0 {
			continue
		}
		for _, value := range m.starts[key] {
			if len(value) > len(text)-i || string(text[i:i+len(value)]) != value {
				continue
			}
			from, to := v.span(i, i+len(value))
			if len(value) < minLine && strings.Contains(s[from:to], "\n") {
				continue // the end of one word and the beginning of another
			}
			spans = append(spans, span{from, to})
			break
		}
	}
	return spans
}

// whole lets no span begin or end inside of an escape sequence: what is left of one would take away what follows it, the
// placeholder and a part of the next value with it.
func whole(s string, spans []span) []span {
	if len(spans) == 0 || !strings.ContainsAny(s, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") {
		return spans
	}
	for i := 0; i < len(s); {
		n := escape(s[i:])
		if n == 0 {
			i++
			continue
		}
		for k := range spans {
			if spans[k].from > i && spans[k].from < i+n {
				spans[k].from = i
			}
			if spans[k].to > i && spans[k].to < i+n {
				spans[k].to = i + n
			}
		}
		i += n
	}
	return spans
}

// replaced returns s with the placeholder in the place of each span. Spans that overlap are one.
func replaced(s string, spans []span) string {
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	b.Grow(len(s))
	done := 0
	for i := 0; i < len(spans); {
		from, to := spans[i].from, spans[i].to
		for i++; i < len(spans) && spans[i].from < to; i++ {
			to = max(to, spans[i].to)
		}
		b.WriteString(strings.TrimRight(s[done:from], "\x1b")) // an escape would take the beginning of the placeholder away
		b.WriteString(placeholder)
		done = to
	}
	b.WriteString(s[done:])
	return b.String()
}
