package operator

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

const maxGiven = 32 << 10 // bytes of one value

// commitTimeout bounds the walk through the branch's history for the commit that a person named.
const commitTimeout = 20 * time.Second

// variableName is what can be the name of a variable of terraform's.
var variableName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_-]*$`)

// PlanWish is what a person asks of a plan beside its stack.
type PlanWish struct {
	Commit      string // a commit of the branch, or the beginning of one; empty: its head
	Replace     []string
	Targets     []string
	RefreshOnly bool
	Destroy     bool
	EmptyState  bool
	Vars        map[string]string
	Images      map[string]string
}

// terraformOnly is the option that only Terraform's stacks have; empty if there is none.
func (p PlanWish) terraformOnly() string {
	switch {
	case len(p.Replace) > 0:
		return "--replace"
	case len(p.Targets) > 0:
		return "--target"
	case p.RefreshOnly:
		return "--refresh-only"
	case p.Destroy:
		return "--destroy"
	case p.EmptyState:
		return "--empty-state"
	case len(p.Images) > 0:
		return "--image"
	}
	return ""
}

func (p PlanWish) validate() error {
	kinds := 0
	for _, on := range []bool{len(p.Replace) > 0, p.RefreshOnly, p.Destroy} {
		if on {
			kinds++
		}
	}
	if kinds > 1 {
		return control.Errorf(control.Usage, "--replace, --refresh-only and --destroy are three kinds of plan").WithHint("one at a time")
	}
	if err := p.validateTargets(); err != nil {
		return err
	}
	for _, address := range slices.Concat(p.Replace, p.Targets) {
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
func (p PlanWish) options() store.PlanOptions {
	o := store.PlanOptions{Replace: p.Replace, Targets: p.Targets, RefreshOnly: p.RefreshOnly, Destroy: p.Destroy, EmptyState: p.EmptyState, Commit: p.Commit != "", Images: p.Images}
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
func (o *Operator) findCommit(conf *active.Config, repository, stack, name string) (place, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var head, applied string
	if err := o.store.View(func(tx *store.Tx) error {
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
	git := conf.Repos[repository]
	commit, err := git.OnBranch(ctx, strings.ToLower(name), head)
	if err != nil {
		return place{}, hint.Refuse(hint.Of(err), "%s", o.health.Redact(err.Error()))
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
		p.back, p.position = true, "going back from "+words.Short(applied)+", which is applied"
		if commits, whole, err := git.Between(ctx, commit, applied, phrase.MaxBehind); err == nil && whole {
			p.position += fmt.Sprintf(": %s of the branch in between", words.Count(len(commits), "commit"))
		}
	} else {
		p.position = "not at the branch's head; applied is " + words.Short(applied)
	}
	return p, nil
}
