package screen

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"sallyport/notify/redact"
)

// notice is the message of a record that is a text for people, which its attribute holds.
const (
	notice     = "notice"
	noticeText = "text"
)

// Notices is a log on a terminal: what would be said in Slack stands there as it would in Slack, as lines of text. Everything else
// goes to the handler below.
func Notices(below slog.Handler, out io.Writer) slog.Handler { return &notices{below, out} }

type notices struct {
	slog.Handler
	out io.Writer
}

// Handle implements slog.Handler.
func (n *notices) Handle(ctx context.Context, r slog.Record) error {
	text := ""
	if r.Message == notice {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == noticeText {
				text = a.Value.String()
			}
			return text == ""
		})
	}
	if text == "" {
		return n.Handler.Handle(ctx, r)
	}
	text = strings.TrimSpace(redact.Clean(text))
	// In one piece, so that no other record comes in between.
	_, err := io.WriteString(n.out, "\n"+r.Time.Format("15:04:05")+"  "+strings.ReplaceAll(text, "\n", "\n          ")+"\n\n")
	return err
}

// WithAttrs implements slog.Handler.
func (n *notices) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &notices{n.Handler.WithAttrs(attrs), n.out}
}

// WithGroup implements slog.Handler.
func (n *notices) WithGroup(name string) slog.Handler {
	return &notices{n.Handler.WithGroup(name), n.out}
}
