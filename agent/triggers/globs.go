package triggers

import (
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config/globs"
	"sallyport/notify/words"
)

// ShowGlobFaults shows which directories that globs match are no stacks. The others go on: it is no error of the repository.
func (t *Triggers) ShowGlobFaults(conf *active.Config, repository string) {
	for _, kind := range globs.Kinds() {
		err := conf.GlobFault(repository, kind)
		if t.faults.Set("repository "+repository+": stacks: "+kind, err) && err != nil {
			t.log.Error("globs make not the stacks that they are there for", "repository", repository, "err", err)
		}
	}
}

// maxSaid is how many stacks are named of those that fail alike, and how many different failures are told.
const maxSaid = 3

// stackFaults are errors of many stacks. What fails for one often fails for a thousand, in the same words.
type stackFaults struct {
	kinds  []*sameFault
	stacks int
}

type sameFault struct {
	err    error
	stacks []string
}

func (f *stackFaults) add(stack string, err error) {
	f.stacks++
	for _, k := range f.kinds {
		if k.err.Error() == err.Error() {
			k.stacks = append(k.stacks, stack)
			return
		}
	}
	if len(f.kinds) < maxSaid {
		f.kinds = append(f.kinds, &sameFault{err, []string{stack}})
	}
}

// of is one error for all of them, that of doing something; nil if there are none.
func (f *stackFaults) of(doing string) error {
	var errs []error
	told := 0
	for _, k := range f.kinds {
		told += len(k.stacks)
		if len(k.stacks) == 1 {
			errs = append(errs, fmt.Errorf("%s stack %s: %w", doing, k.stacks[0], k.err))
			continue
		}
		errs = append(errs, fmt.Errorf("%s %s (%s): %w", doing, words.Count(len(k.stacks), "stack"), words.List(k.stacks, maxSaid), k.err))
	}
	if more := f.stacks - told; more > 0 {
		errs = append(errs, fmt.Errorf("%s %s more failed for other reasons", doing, words.Count(more, "stack")))
	}
	return errors.Join(errs...)
}
