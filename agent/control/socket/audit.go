package socket

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

// audit answers with a part of the history.
func (s *Server) audit(r *http.Request) (any, error) {
	q := control.AuditQuery{
		Stack: r.FormValue("stack"), Names: r.FormValue("names") != "", After: store.HistoryMark{Hash: r.FormValue("hash")},
	}
	if seq := r.FormValue("seq"); seq != "" {
		n, err := strconv.ParseUint(seq, 10, 64)
		if err != nil {
			return nil, control.Errorf(control.Usage, "seq %q is not a number", seq)
		}
		q.After.Seq = n
	}
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := r.FormValue(name); text != "" {
			t, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return nil, control.Errorf(control.Usage, "%s %q is not a time", name, text)
			}
			*at = t
		}
	}
	a, err := s.opts.Reader.Audit(r.Context(), q)
	if err != nil || !q.Names {
		return a, err
	}
	return a, a.Name(s.opts.Names)
}

// Audit implements Reader.
func (c *Client) Audit(ctx context.Context, q control.AuditQuery) (control.Audit, error) {
	v := url.Values{}
	for name, text := range map[string]string{"stack": q.Stack, "hash": q.After.Hash} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.After.Seq > 0 {
		v.Set("seq", strconv.FormatUint(q.After.Seq, 10))
	}
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Names {
		v.Set("names", "1")
	}
	return get[control.Audit](ctx, c, "/v1/audit", v)
}
