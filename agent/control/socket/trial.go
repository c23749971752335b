package socket

import (
	"context"
	"encoding/json"
	"net/http"

	"sallyport/agent/control"
)

// trier tries another terraform on every stack; tell is told each piece of news, and an error of it ends the trial.
type trier interface {
	Trial(ctx context.Context, q control.TrialRequest, tell func(control.TrialNews) error) error
}

// trial answers with a line of JSON for each piece of news. It ends when the client goes away.
func (s *Server) trial(w http.ResponseWriter, r *http.Request) {
	if s.opts.Trials == nil {
		s.fail(w, control.Errorf(control.NotFound, "no %s %s here", r.Method, r.URL.Path).WithHint(versionsHint))
		return
	}
	if err := s.allow(r); err != nil {
		s.fail(w, err)
		return
	}
	var q control.TrialRequest
	if err := decode(w, r, &q); err != nil {
		s.fail(w, err)
		return
	}
	q.By = callerFrom(r.Context())
	out := &pacedWriter{w: w, control: http.NewResponseController(w)}
	tell := func(news control.TrialNews) error {
		if !out.started {
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		if err := json.NewEncoder(out).Encode(news); err != nil {
			return err
		}
		return out.control.Flush()
	}
	err := s.opts.Trials.Trial(r.Context(), q, tell)
	switch {
	case err != nil && !out.started:
		s.fail(w, err)
		return
	case err != nil:
		err = tell(control.TrialNews{Error: control.AsError(err)})
	default:
		err = tell(control.TrialNews{Done: true})
	}
	if err != nil {
		s.opts.Log.Debug("answering the command line", "err", err) // it went away
	}
}

// Trial has another terraform tried, and returns when all news are told. When ctx ends the trial is ended, too. An agent that goes away
// in the middle is an error: what was told by then is all that there will be.
func (c *Client) Trial(ctx context.Context, q control.TrialRequest, tell func(control.TrialNews) error) error {
	res, err := c.send(ctx, http.MethodPost, "/v1/trial", q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errorIn(res)
	}
	for lines := json.NewDecoder(res.Body); ; {
		var news control.TrialNews
		switch err := lines.Decode(&news); {
		case ctx.Err() != nil:
			return control.Errorf(control.Refused, "it was ended before all stacks were planned; nothing was changed, and nothing of it is kept")
		case err != nil:
			return control.Errorf(control.Internal, "the agent stopped in the middle of it; nothing was changed, and nothing of it is kept").
				WithHint("when it is back, say it again: sallyport status")
		case news.Error != nil:
			return news.Error
		case news.Done:
			return nil
		}
		if err := tell(news); err != nil {
			return err
		}
	}
}
