package trials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/words"
	"sallyport/store"
)

// How often it is looked whether a stack may have its turn, and after how long without any turn those that wait are given up.
const (
	lookAgain = 200 * time.Millisecond
	givenUp   = 15 * time.Minute
)

// maxText bounds what is told of an error, in bytes.
const maxText = 4 << 10

// turns gives each stack its turn. It is one goroutine's own; those that plan send to results, which has room for all of them, and each is
// waited for.
type turns struct {
	trials  *Trials
	tool    binary.Tool
	called  string // the tool, for people
	ctx     context.Context
	waiting []string
	why     map[string]string // why a stack's turn does not come
	atWork  int
	results chan ended
	counts  map[control.TrialOutcome]int
}

// ended is the end of a stack's turn.
type ended struct {
	stack  string
	again  bool // it gave way to something else
	result control.TrialResult
	err    error // why its plans could not be compared
}

// all gives each stack its turn, and tells the results.
func (t *turns) all(ctx context.Context, tell func(control.TrialResult) error) (err error) {
	t.why, t.counts = map[string]string{}, map[control.TrialOutcome]int{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.ctx = ctx
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	last := time.Now()
	say := func(r control.TrialResult) {
		t.counts[r.Outcome]++
		if err == nil {
			if err = tell(r); err != nil {
				cancel(errors.New("nobody listens any more"))
			}
		}
	}
	for len(t.waiting)+t.atWork > 0 {
		if ctx.Err() == nil {
			t.start()
		}
		select {
		case e := <-t.results:
			t.atWork--
			last = time.Now()
			if e.again && ctx.Err() == nil {
				t.waiting = append(t.waiting, e.stack)
				continue
			}
			if e.err != nil {
				e.result = t.failed(e.result, e.err)
			}
			say(e.result)
		case <-look.C:
			if t.atWork == 0 && time.Since(last) > givenUp {
				cancel(fmt.Errorf("its turn did not come within %s", words.Duration(givenUp)))
			}
		case <-done(ctx, t.atWork):
			for _, name := range t.waiting {
				say(t.notPlanned(name, context.Cause(ctx)))
			}
			t.waiting = nil
		}
	}
	return err
}

// done is closed when ctx has ended, and nothing is at work whose end has to be waited for first.
func done(ctx context.Context, atWork int) <-chan struct{} {
	if atWork > 0 {
		return nil
	}
	return ctx.Done()
}

// start begins as many turns as there is room for.
func (t *turns) start() {
	conf := t.trials.active.Current.Load()
	for _, name := range slices.Clone(t.waiting) {
		if why := t.trials.room(conf, t.atWork); why != "" {
			t.why[name] = why
			return
		}
		if why := t.trials.quiet(conf, name); why != "" {
			t.why[name] = why
			continue
		}
		t.why[name] = "something else is done to it"
		if t.trials.work.Check(name, func(work context.Context) { t.take(work, conf, name) }) {
			t.atWork++
			t.waiting = slices.DeleteFunc(t.waiting, func(one string) bool { return one == name })
		}
	}
}

// take is the turn of one stack, beside the others.
func (t *turns) take(work context.Context, conf *active.Config, name string) {
	ctx, stop := context.WithCancel(work)
	defer stop()
	defer context.AfterFunc(t.ctx, stop)()
	e := ended{stack: name, result: control.TrialResult{Stack: name, Differences: []string{}}}
	e.err = contain.Do("trying "+t.called+" on "+name, func() (err error) {
		e.result, err = t.trials.compare(ctx, conf, name, t.tool, t.called)
		return err
	})
	t.trials.health.LogIfPanic(e.err, "stack", name)
	e.again = e.err != nil && work.Err() != nil && t.trials.work.Context().Err() == nil
	t.results <- e
}

// failed is the result of a stack whose plans could not be made.
func (t *turns) failed(r control.TrialResult, err error) control.TrialResult {
	if t.ctx.Err() != nil {
		return t.notPlanned(r.Stack, context.Cause(t.ctx))
	}
	redact := t.trials.health.Redact
	r.Outcome, r.Text, r.Hint = control.TrialError, words.Cut(redact(err.Error()), maxText), redact(hint.Of(err))
	r.Hint = strings.ReplaceAll(r.Hint, "unlock STACK", "unlock "+r.Stack)
	return r
}

// notPlanned is the result of a stack that had no turn.
func (t *turns) notPlanned(name string, cause error) control.TrialResult {
	text := "not planned"
	if errors.Is(cause, context.Canceled) {
		text += ": the trial was ended"
	} else if cause != nil {
		text += ": " + cause.Error()
	}
	if why := t.why[name]; why != "" {
		text += "; " + why
	}
	return control.TrialResult{Stack: name, Outcome: control.TrialNotPlanned, Text: text, Differences: []string{}}
}

// sum is "17 same, 2 other, 1 error".
func (t *turns) sum() string {
	return fmt.Sprintf("%d same, %d other, %d error, %d not planned",
		t.counts[control.TrialSame], t.counts[control.TrialOther], t.counts[control.TrialError], t.counts[control.TrialNotPlanned])
}

// room says why no plan of a trial may begin now; empty if one may. Real runs go before, and a part of the terraform processes is
// theirs alone.
func (t *Trials) room(conf *active.Config, atWork int) string {
	parallel := conf.Cfg.Terraform.Parallel
	if disk := t.faults.Of("disk").Error; disk != "" {
		return disk
	}
	if atWork >= max(1, parallel/2) || t.work.Count() >= parallel || !conf.Pool.Room(false) {
		return "terraform is at work for others"
	}
	ready := false
	err := t.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, run := range open {
			ready = ready || lifecycle.ReadyToGo(run) && t.work.Busy(run.ID) == ""
		}
		return err
	})
	switch {
	case err != nil:
		return t.health.Redact(err.Error())
	case ready:
		return "runs that wait go before"
	}
	return ""
}

// quiet says why a stack must not be planned now; empty if it may. What is changed meanwhile would be compared with what it was before.
func (t *Trials) quiet(conf *active.Config, name string) (why string) {
	if conf.Stack(name) == nil {
		return "" // which is told as an error
	}
	err := t.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(name)
		if err != nil {
			return err
		}
		if st.Occupied != nil {
			why = lifecycle.OccupiedBy(st.Occupied)
			return nil
		}
		if st.OpenRun == 0 {
			return nil
		}
		open, err := tx.Run(st.OpenRun)
		if err == nil && (open.Status == store.Applying || t.work.Busy(open.ID) != "") {
			why = fmt.Sprintf("#%d is %s", open.ID, open.Status)
		}
		return err
	})
	if err != nil {
		return t.health.Redact(err.Error())
	}
	return why
}
