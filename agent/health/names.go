package health

import (
	"context"
	"log/slog"
	"sync/atomic"

	"sallyport/notify/people"
)

// nameHandler puts names in the place of accounts in log records. What reaches it are texts: the redactor is in front of it.
type nameHandler struct {
	next  slog.Handler
	names *atomic.Pointer[people.Names]
}

func (h nameHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h nameHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.plain(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

func (h nameHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	named := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		named[i] = h.attr(a)
	}
	return nameHandler{next: h.next.WithAttrs(named), names: h.names}
}

func (h nameHandler) WithGroup(name string) slog.Handler {
	return nameHandler{next: h.next.WithGroup(name), names: h.names}
}

func (h nameHandler) attr(a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.plain(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		named := make([]slog.Attr, len(group))
		for i, g := range group {
			named[i] = h.attr(g)
		}
		a.Value = slog.GroupValue(named...)
	}
	return a
}

func (h nameHandler) plain(text string) string {
	if names := h.names.Load(); names != nil {
		return names.Plain(text)
	}
	return text
}
