package agent

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/terraform"
	"sallyport/notify/redact"
	"sallyport/store"
)

const (
	// givenKey is the setting that holds the values of variables that people gave, by run. They are needed again when a plan
	// becomes stale or a pinned stack is recovered, and may be secrets: so they are in the store (0600), in one place that is
	// emptied when nothing needs them any more, and never in a run's record.
	givenKey = "given-vars"
	maxGiven = 32 << 10 // bytes of one value
	// commitTimeout bounds the walk through the branch's history for the commit that a person named.
	commitTimeout = 20 * time.Second
)

// given are the values by run and name.
type given map[int]map[string]string

// variableName is what can be the name of a variable of terraform's.
var variableName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_-]*$`)

// planWish is what a person asks of a plan beside its stack.
type planWish struct {
	Commit      string // a commit of the branch, or the beginning of one; empty: its head
	Replace     []string
	RefreshOnly bool
	Destroy     bool
	Vars        map[string]string
	Images      map[string]string
}

// terraformOnly is the option that only Terraform's stacks have; empty if there is none.
func (p planWish) terraformOnly() string {
	switch {
	case len(p.Replace) > 0:
		return "--replace"
	case p.RefreshOnly:
		return "--refresh-only"
	case p.Destroy:
		return "--destroy"
	case len(p.Images) > 0:
		return "--image"
	}
	return ""
}

func (p planWish) validate() error {
	kinds := 0
	for _, on := range []bool{len(p.Replace) > 0, p.RefreshOnly, p.Destroy} {
		if on {
			kinds++
		}
	}
	if kinds > 1 {
		return control.Errorf(control.Usage, "--replace, --refresh-only and --destroy are three kinds of plan").WithHint("one at a time")
	}
	for _, address := range p.Replace {
		if address == "" || strings.HasPrefix(address, "-") || address != redact.CleanLine(address) {
			return control.Errorf(control.Usage, "%q is not the address of a resource", redact.CleanLine(address))
		}
	}
	for name, value := range p.Vars {
		if !variableName.MatchString(name) {
			return control.Errorf(control.Usage, "%q cannot be the name of a variable", redact.CleanLine(name)).WithHint("--var NAME=VALUE")
		}
		if len(value) > maxGiven {
			return control.Errorf(control.Usage, "the value of the variable %s has more than %d bytes", name, maxGiven)
		}
	}
	return nil
}

// options is the wish as a run remembers it: without the values of variables.
func (p planWish) options() store.PlanOptions {
	o := store.PlanOptions{Replace: p.Replace, RefreshOnly: p.RefreshOnly, Destroy: p.Destroy, Commit: p.Commit != "", Images: p.Images}
	for name := range p.Vars {
		o.Vars = append(o.Vars, name)
	}
	slices.Sort(o.Vars)
	return o
}

// place is where a commit that a person named lies.
type place struct {
	commit   string
	position string // for the card
	back     bool
}

// findCommit resolves a commit that a person named. It has to be on the branch: what is nowhere else was reviewed by nobody.
func (a *operator) findCommit(w *world, repository, stack, name string) (place, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var head, applied string
	if err := a.store.View(func(tx *store.Tx) error {
		r, err := tx.Repository(repository)
		if err != nil {
			return err
		}
		st, err := tx.Stack(stack)
		if err == nil {
			head, applied = r.Head, st.AppliedCommit
		}
		return err
	}); err != nil {
		return place{}, err
	}
	if head == "" {
		return place{}, hint.Refuse("see sallyport status; the first poll must succeed once", "repository %s was not read yet", repository)
	}
	git := w.repos[repository]
	commit, err := git.OnBranch(ctx, strings.ToLower(name), head)
	if err != nil {
		return place{}, hint.Refuse(hint.Of(err), "%s", a.redact(err.Error()))
	}
	p := place{commit: commit}
	if applied == "" || applied == commit {
		return p, nil
	}
	back, err := git.Descends(ctx, commit, applied)
	if err != nil {
		return place{}, err
	}
	if back != repo.Rewritten { // what cannot be told may be a step back, and is said to be one
		p.back, p.position = true, "going back from "+short(applied)+", which is applied"
		if commits, whole, err := git.Between(ctx, commit, applied, maxBehind); err == nil && whole {
			p.position += fmt.Sprintf(": %s of the branch in between", count(len(commits), "commit"))
		}
	} else {
		p.position = "not at the branch's head; applied is " + short(applied)
	}
	return p, nil
}

// putGiven stores the values of a new run's variables.
func putGiven(tx *store.Tx, run int, vars map[string]string) error {
	if len(vars) == 0 {
		return nil
	}
	all := given{}
	if _, err := tx.Setting(givenKey, &all); err != nil {
		return err
	}
	all[run] = vars
	return tx.PutSetting(givenKey, all)
}

// givenOf are the values of a run's variables; it is an error when they are known no more.
func givenOf(tx *store.Tx, run *store.Run) (map[string]string, error) {
	if len(run.Options.Vars) == 0 {
		return nil, nil
	}
	all := given{}
	if _, err := tx.Setting(givenKey, &all); err != nil {
		return nil, err
	}
	for _, name := range run.Options.Vars {
		if _, known := all[run.ID][name]; !known {
			return nil, hint.Refuse(fmt.Sprintf("give it again: sallyport plan %s --var %s=VALUE", run.Stack, name),
				"the value that was given for the variable %s of #%d is not known any more", name, run.ID)
		}
	}
	return all[run.ID], nil
}

// minSilenced is the length in bytes below which a value that a person gave is no secret: "true" and "t3" stand everywhere, and
// plans without them could not be read any more.
const minSilenced = 6

// silence makes the values that people gave secrets, from before anybody could read them.
func (a *health) silence(vars map[string]string) {
	var secrets []redact.Secret
	for _, value := range vars {
		if len(value) >= minSilenced {
			secrets = append(secrets, redact.NewSecret(value))
		}
	}
	if len(secrets) == 0 {
		return
	}
	a.hide(secrets)
}

// silenceGiven does so at the start of an agent.
func (a *ledger) silenceGiven() error {
	all := given{}
	err := a.store.View(func(tx *store.Tx) error {
		_, err := tx.Setting(givenKey, &all)
		return err
	})
	for _, vars := range all {
		a.silence(vars)
	}
	a.holdsGiven.Store(len(all) > 0)
	return err
}

// forgetGiven drops the values that neither an open run nor a pin needs any more, once the logs of their runs are redacted.
func (a *ledger) forgetGiven() error {
	if !a.holdsGiven.Load() || len(a.ended.list()) > 0 {
		return nil
	}
	needless := func(tx *store.Tx) (given, int, error) {
		all := given{}
		if _, err := tx.Setting(givenKey, &all); err != nil {
			return nil, 0, err
		}
		before := len(all)
		open, err := tx.OpenRuns()
		if err != nil {
			return nil, 0, err
		}
		needed := map[int]bool{}
		for _, run := range open {
			needed[run.ID] = true
		}
		stacks, err := tx.Stacks()
		if err != nil {
			return nil, 0, err
		}
		for _, st := range stacks {
			if st.Pin != nil {
				needed[st.Pin.Run] = true
			}
		}
		for id := range all {
			if !needed[id] {
				delete(all, id)
			}
		}
		return all, before - len(all), nil
	}
	var left given
	var gone int
	if err := a.store.View(func(tx *store.Tx) (err error) {
		left, gone, err = needless(tx)
		return err
	}); err != nil || gone == 0 {
		a.holdsGiven.Store(err != nil || len(left) > 0)
		return err
	}
	return a.write(func(tx *Tx) error {
		left, _, err := needless(tx.Tx)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return tx.PutSetting(givenKey, nil)
		}
		return tx.PutSetting(givenKey, left)
	})
}

// usePlanOptions tells terraform what a run's options are.
func (a *ledger) usePlanOptions(run *store.Run, o *terraform.PlanOptions) error {
	o.Replace, o.RefreshOnly, o.Destroy = run.Options.Replace, run.Options.RefreshOnly, run.Options.Destroy
	return a.store.View(func(tx *store.Tx) (err error) {
		o.Given, err = givenOf(tx, run)
		return err
	})
}

// passOn gives the values of a run's variables to the run that takes over from it. When they are not known, the plan of that
// one says so.
func (a *ledger) passOn(tx *store.Tx, old, next *store.Run) error {
	vars, err := givenOf(tx, old)
	if _, unknown := err.(*hint.Refusal); unknown {
		return nil
	}
	if err != nil {
		return err
	}
	return putGiven(tx, next.ID, vars)
}
