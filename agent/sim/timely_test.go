package sim

import (
	"time"

	"sallyport/store"
)

// timely: nothing begins while people have paused it, nor what a newer commit of the stack has overtaken.
func (p *promises) timely(w *world, id int, stack, digest string) {
	var run *store.Run
	var paused *store.Pause
	w.view(func(tx *store.Tx) (err error) {
		if run, err = tx.Run(id); err != nil {
			return err
		}
		a, err := tx.Agent()
		if err != nil {
			return err
		}
		st, err := tx.Stack(stack)
		if paused = a.Paused; paused == nil && err == nil {
			paused = st.Paused
		}
		return err
	})
	if run == nil {
		return
	}
	if since := paused; since != nil && w.now().Sub(since.At).Abs() > 2*time.Second { // it may have come after the decision
		w.breaks("#%d %s is applied, and people have paused it since %s", id, stack, since.At)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if run.AtApplied || run.Kind == store.KindRecovery && run.After != 0 || p.jumped || p.gitAt.IsZero() || time.Since(p.gitAt) < late {
		return // it brings back what was, or nobody can know
	}
	file := stack + "/main.tf"
	for i := len(p.heads) - 1; i >= 0; i-- {
		if h := p.heads[i]; time.Since(h.at) > late {
			if c := w.git.at(run.Commit); c.files[file] != h.files[file] && !p.since(i+1, file, c.files[file]) {
				w.breaks("#%d %s is applied at %s, and a commit of %s has changed it since", id, stack, run.Commit[:8], h.at)
			}
			return
		}
	}
}

// since reports whether a file has held a text again from a head on.
func (p *promises) since(from int, file, text string) bool {
	for _, h := range p.heads[from:] {
		if h.files[file] == text {
			return true
		}
	}
	return false
}
