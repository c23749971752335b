package decode

import (
	"sallyport/notify/words"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Whole reads a whole number within the bounds that the shape has.
func (l *Reader) Whole(a Attributes, name string, dst *int) bool {
	if v := a.standard(name); v != cty.NilVal && v.Type() == cty.Number {
		*dst = int(number(v))
	}
	v, ok := l.Shown(a.Get(name), cty.Number)
	if !ok {
		return false
	}
	shape := a.known(name)
	n, least, most := number(v), number(written(shape.Least)), number(written(shape.Most))
	if !v.AsBigFloat().IsInt() || n < least || n > most {
		l.Fault(a.At(name), "Invalid number", "%s must be a whole number from %d to %d.", name, least, most)
		return false
	}
	*dst = int(n)
	return true
}

func number(v cty.Value) int64 {
	if v == cty.NilVal {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return n
}

// Duration reads a duration that is positive and no shorter than the shape has it.
func (l *Reader) Duration(a Attributes, name string, dst *time.Duration) bool {
	var text string
	if !l.String(a, name, &text) {
		if d, err := time.ParseDuration(text); err == nil { // the default
			*dst = d
		}
		return false
	}
	d, err := time.ParseDuration(text)
	least, _ := time.ParseDuration(bare(a.known(name).Least))
	switch {
	case err != nil:
		l.Fault(a.At(name), "Invalid duration", `%s = %q is not a duration: write a number and a unit, like "90s", "10m" or "24h".`, name, text)
		return false
	case d <= 0:
		l.Fault(a.At(name), "Invalid duration", "%s must be positive, not %q.", name, text)
		return false
	case d < least:
		l.Fault(a.At(name), "Invalid duration", "%s must be at least %s, not %q.", name, words.Span(least), text)
		return false
	}
	*dst = d
	return true
}

// Size reads a number of bytes within the bounds that the shape has: "256MB". A unit is 1024 of the one below it.
func (l *Reader) Size(a Attributes, name string, dst *int64) {
	var text string
	if !l.String(a, name, &text) {
		return
	}
	size, ok := bytesIn(text)
	if !ok {
		l.Fault(a.At(name), "Invalid size", `%s = %q is not a size: write a whole number and a unit, like "512MB" or "2GB".`, name, text)
		return
	}
	shape := a.known(name)
	least, _ := bytesIn(bare(shape.Least))
	most, _ := bytesIn(bare(shape.Most))
	if size < least || size > most {
		l.Fault(a.At(name), "Invalid size", "%s must be from %s to %s, not %q.", name, bare(shape.Least), bare(shape.Most), text)
		return
	}
	*dst = size
}

// bytesIn are the bytes of a size as it is written.
func bytesIn(text string) (int64, bool) {
	shift := map[string]int{"KB": 10, "MB": 20, "GB": 30}
	digits, unit := strings.TrimRight(text, "KMGB"), strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(digits, 10, 32)
	_, known := shift[unit]
	return n << shift[unit], err == nil && known && n > 0
}

// bare is a string of a shape without its quotes.
func bare(text string) string { return strings.Trim(text, `"`) }
