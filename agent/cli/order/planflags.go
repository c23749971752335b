package order

import (
	"strings"

	"github.com/spf13/pflag"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// planFlags make a plan another one than the plain plan of a commit.
type planFlags struct {
	commit                string
	replace, vars, images []string
	targets               []string
	refreshOnly, destroy  bool
	emptyState            bool
}

// add defines the flags. A recovery is at the applied commit and brings nothing new, so it has fewer.
func (f *planFlags) add(flags *pflag.FlagSet, recovery bool) {
	flags.StringArrayVar(&f.replace, "replace", nil, "make the object at this `address` anew; may be repeated")
	flags.StringArrayVar(&f.targets, "target", nil, "plan this `address`, of an object or a module, with what it needs, and nothing else; may be repeated. The\n"+
		"commit does not count as applied by it, and the stack's next plan says what was left out")
	flags.BoolVar(&f.refreshOnly, "refresh-only", false, "bring the state up to date and touch nothing else")
	if recovery {
		return
	}
	flags.StringVar(&f.commit, "commit", "", "plan this `commit` of the branch; once applied, newer ones wait for resume")
	flags.BoolVar(&f.destroy, "destroy", false, "destroy everything that the stack's state holds")
	flags.BoolVar(&f.emptyState, "empty-state", false, "plan on the state that is there now, though another one was applied: it is empty, or another one, and\n"+
		"that is meant. What was applied before may be made a second time; see sallyport state migrate")
	flags.StringArrayVar(&f.images, "image", nil, "an image that is not the newest, as `name=id`; may be repeated. Once applied, commits wait for resume")
	flags.StringArrayVar(&f.vars, "var", nil, "a variable that is not in git, by `name`; its value is asked for, or read from stdin, and never shown (name=value works,\n"+
		"and shows it to every user of this machine); may be repeated. Once applied, commits wait for resume")
}

// into puts the flags into a request.
func (f *planFlags) into(s *call.Streams, r *control.StartRequest) error {
	r.Commit, r.Replace, r.RefreshOnly, r.Destroy = f.commit, f.replace, f.refreshOnly, f.destroy
	r.Targets, r.EmptyState = f.targets, f.emptyState
	if len(f.vars) > 0 {
		var err error
		if r.Vars, err = s.Person().Values(f.vars); err != nil {
			return err
		}
	}
	for _, pair := range f.images {
		name, id, ok := strings.Cut(pair, "=")
		if !ok || name == "" || id == "" {
			return call.Usage("--image "+redact.CleanLine(pair)+" names no id", "--image NAME=ID; sallyport images lists them")
		}
		if r.Images == nil {
			r.Images = map[string]string{}
		}
		r.Images[name] = id
	}
	return nil
}
