package redact

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
)

// Handler wraps a log handler: messages and attributes reach next redacted and cleaned, in groups too. Values that
// are neither numbers, times nor booleans are turned into their text first, so that no error or struct can carry a
// secret past.
func (r *Redactor) Handler(next slog.Handler) slog.Handler { return &handler{redactor: r, next: next} }

type handler struct {
	redactor *Redactor
	next     slog.Handler
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	out := slog.NewRecord(record.Time, record.Level, h.redactor.Line(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	safe := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		safe[i] = h.attr(a)
	}
	return &handler{redactor: h.redactor, next: h.next.WithAttrs(safe)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{redactor: h.redactor, next: h.next.WithGroup(name)}
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	a.Key = h.redactor.Line(a.Key)
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		return slog.Attr{Key: a.Key, Value: v}
	case slog.KindGroup:
		group := v.Group()
		safe := make([]slog.Attr, len(group))
		for i, g := range group {
			safe[i] = h.attr(g)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(safe...)}
	case slog.KindString:
		return slog.String(a.Key, h.text(v.String()))
	default:
		return slog.String(a.Key, h.text(textOf(v.Any())))
	}
}

// text keeps line breaks: the handlers of the standard library quote them, and terraform's errors have several lines.
func (h *handler) text(s string) string { return h.redactor.Text(s) }

// textOf renders a value as the text handler of the standard library would. A value that panics when it is printed
// (a nil pointer in an interface) must not take the agent down.
func textOf(v any) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	switch t := v.(type) {
	case nil:
		return "<nil>"
	case error:
		return t.Error()
	case encoding.TextMarshaler:
		b, err := t.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(b)
	case []byte:
		return string(t)
	default:
		return fmt.Sprintf("%+v", v)
	}
}
