package socket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/hint"
)

// backupTrailer ends a backup that is whole: "ok", or an Error as JSON. Without it the copy was cut off.
const backupTrailer = "Sallyport-Backup"

// versionsHint is for requests that this server does not know.
const versionsHint = "are the agent and this command line of one version? sallyport version and sallyport status tell"

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.look(s.status))
	mux.HandleFunc("GET /v1/runs", s.look(s.runs))
	mux.HandleFunc("GET /v1/runs/{ref}", s.look(s.run))
	mux.HandleFunc("GET /v1/runs/{ref}/around", s.look(func(r *http.Request) (any, error) {
		return s.opts.Reader.Around(r.Context(), r.PathValue("ref"))
	}))
	mux.HandleFunc("GET /v1/runs/{ref}/plan", s.look(s.planText))
	mux.HandleFunc("GET /v1/runs/{ref}/log", s.look(s.applyLog))
	mux.HandleFunc("GET /v1/stacks/{stack}/states", s.look(func(r *http.Request) (any, error) {
		return s.opts.Reader.States(r.Context(), r.PathValue("stack"))
	}))
	mux.HandleFunc("GET /v1/stacks/{stack}/why", s.look(func(r *http.Request) (any, error) {
		return s.opts.Reader.Why(r.Context(), r.PathValue("stack"))
	}))
	mux.HandleFunc("GET /v1/verify", s.look(func(r *http.Request) (any, error) { return s.opts.Reader.Verify(r.Context()) }))
	mux.HandleFunc("GET /v1/audit", s.look(s.audit))
	o := s.opts.Operator
	mux.HandleFunc("POST /v1/plan", change(s, func(r *http.Request, q control.StartRequest) (any, error) {
		q.By = callerFrom(r.Context())
		a, err := o.Start(r.Context(), q)
		if a.Warnings == nil {
			a.Warnings = []string{} // never null
		}
		return a, err
	}))
	mux.HandleFunc("POST /v1/decide", change(s, func(r *http.Request, q control.DecideRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.Decide(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/review", change(s, func(r *http.Request, q control.ReviewRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.Review(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/cancel", change(s, func(r *http.Request, q control.CancelRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.Cancel(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/pause", change(s, func(r *http.Request, q control.PauseRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return struct{}{}, o.Pause(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/resume", change(s, func(r *http.Request, q control.ResumeRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.Resume(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/accept", change(s, func(r *http.Request, q control.AcceptRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return struct{}{}, o.Accept(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/unlock", change(s, func(r *http.Request, q control.UnlockRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.Unlock(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/state/push", change(s, func(r *http.Request, q control.PushStateRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.PushState(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/state/restore", change(s, func(r *http.Request, q control.RestoreStateRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.RestoreState(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/state/move", change(s, func(r *http.Request, q control.MoveStateRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.MoveState(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/state/migrate", change(s, func(r *http.Request, q control.MigrateStateRequest) (any, error) {
		q.By = callerFrom(r.Context())
		return o.MigrateState(r.Context(), q)
	}))
	mux.HandleFunc("POST /v1/exec", s.exec)
	mux.HandleFunc("POST /v1/backup", s.backup)
	mux.HandleFunc("POST /v1/trial", s.trial)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, control.Errorf(control.NotFound, "no %s %s here", r.Method, r.URL.Path).
			WithHint(versionsHint))
	})
	return s.versioned(s.contained(mux))
}

// versionHeader is the agent's version in each answer.
const versionHeader = "Sallyport-Version"

// versioned says with each answer which version gives it.
func (s *Server) versioned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opts.Version != "" {
			w.Header().Set(versionHeader, s.opts.Version)
		}
		next.ServeHTTP(w, r)
	})
}

// look answers a question.
func (s *Server) look(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := f(r)
		s.answer(w, a, err)
	}
}

// change passes a request that changes something on, once the caller is allowed and the body understood.
func change[Q any](s *Server, f func(*http.Request, Q) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.allow(r); err != nil {
			s.fail(w, err)
			return
		}
		var q Q
		if err := decode(w, r, &q); err != nil {
			s.fail(w, err)
			return
		}
		a, err := f(r, q)
		s.answer(w, a, err)
	}
}

func (s *Server) allow(r *http.Request) error {
	err := s.opts.Allow(callerFrom(r.Context()))
	var e *control.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &control.Error{Kind: control.Refused, Message: err.Error(), Hint: hint.Of(err)}
}

func decode(w http.ResponseWriter, r *http.Request, into any) error {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return fmt.Errorf("setting a deadline: %w", err)
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return control.Errorf(control.Usage, "the request is larger than %d bytes", big.Limit)
		}
		return control.Errorf(control.Usage, "reading the request: %v", err).WithHint(versionsHint)
	}
	// The handler may take as long as it needs; only the reading was on the clock.
	return c.SetReadDeadline(time.Time{})
}

func (s *Server) status(r *http.Request) (any, error) { return s.opts.Reader.Status(r.Context()) }

func (s *Server) runs(r *http.Request) (any, error) {
	q := control.RunsQuery{Stack: r.FormValue("stack")}
	if l := r.FormValue("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 0 {
			return nil, control.Errorf(control.Usage, "limit %q is not a number", l)
		}
		q.Limit = n
	}
	runs, err := s.opts.Reader.Runs(r.Context(), q.Limited())
	if runs == nil {
		runs = []control.Run{}
	}
	return runs, err
}

// run answers at once, or with after and wait as soon as the run is not as it was.
func (s *Server) run(r *http.Request) (any, error) {
	ref, after := r.PathValue("ref"), r.FormValue("after")
	if after == "" {
		return s.opts.Reader.Run(r.Context(), ref)
	}
	seen, err := time.Parse(time.RFC3339Nano, after)
	if err != nil {
		return nil, control.Errorf(control.Usage, "after %q is not a time", after)
	}
	wait, err := time.ParseDuration(r.FormValue("wait"))
	if err != nil || wait < 0 {
		return nil, control.Errorf(control.Usage, "wait %q is not a duration", r.FormValue("wait"))
	}
	over := time.NewTimer(min(wait, maxWait))
	defer over.Stop()
	for {
		changed := s.opts.Changes()
		run, err := s.opts.Reader.Run(r.Context(), ref)
		if err != nil || run.Status.Terminal() || run.UpdatedAt == nil || !run.UpdatedAt.Equal(seen) {
			return run, err
		}
		select {
		case <-changed:
		case <-over.C:
			return run, nil
		case <-r.Context().Done():
			return run, nil
		}
	}
}

func (s *Server) planText(r *http.Request) (any, error) {
	return s.opts.Reader.PlanText(r.Context(), r.PathValue("ref"))
}

func (s *Server) applyLog(r *http.Request) (any, error) {
	return s.opts.Reader.Log(r.Context(), r.PathValue("ref"))
}

// backup streams the archive. Once the first byte is out an error can only be told in the trailer.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	if err := s.allow(r); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Trailer", backupTrailer)
	out := &pacedWriter{w: w, control: http.NewResponseController(w)}
	err := s.opts.Operator.Backup(r.Context(), control.BackupRequest{By: callerFrom(r.Context())}, out)
	if err == nil {
		w.Header().Set(backupTrailer, "ok")
		return
	}
	if !out.started {
		w.Header().Del("Trailer")
		s.fail(w, err)
		return
	}
	told, jsonErr := json.Marshal(control.AsError(err))
	if jsonErr != nil {
		told = []byte(`{}`)
	}
	w.Header().Set(backupTrailer, string(told))
}

// pacedWriter gives every piece of a long answer its own deadline.
type pacedWriter struct {
	w       io.Writer
	control *http.ResponseController
	started bool
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	p.started = true
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, fmt.Errorf("setting a deadline: %w", err)
	}
	return p.w.Write(b)
}

// answer sends what a handler returned: a string as text, anything else as JSON.
func (s *Server) answer(w http.ResponseWriter, a any, err error) {
	if err != nil {
		s.fail(w, err)
		return
	}
	if text, ok := a.(string); ok {
		s.send(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
		return
	}
	if a, err = s.named(a); err != nil {
		s.fail(w, err)
		return
	}
	s.sendJSON(w, http.StatusOK, a)
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	e := control.AsError(err)
	e = &control.Error{Kind: e.Kind, Message: s.opts.Names.Plain(e.Message), Hint: s.opts.Names.Plain(e.Hint)}
	s.sendJSON(w, httpStatus(e.Kind), struct {
		Error *control.Error `json:"error"`
	}{e})
}

func (s *Server) sendJSON(w http.ResponseWriter, status int, a any) {
	b, err := json.Marshal(a)
	if err != nil {
		s.opts.Log.Error("encoding an answer", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.send(w, status, "application/json", b)
}

func (s *Server) send(w http.ResponseWriter, status int, contentType string, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	out := &pacedWriter{w: w, control: http.NewResponseController(w)}
	if _, err := out.Write(b); err != nil {
		s.opts.Log.Debug("answering the command line", "err", err) // it went away
	}
}

func httpStatus(k control.Kind) int {
	switch k {
	case control.NotFound:
		return http.StatusNotFound
	case control.Refused:
		return http.StatusForbidden
	case control.Usage:
		return http.StatusBadRequest
	case control.Conflict:
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}
