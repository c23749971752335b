package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"sallyport/agent/repo"
)

// FaultError says what is wrong with a stack's own files, so that it cannot be planned at a commit. All that could be read
// of other stacks is as good as without it.
type FaultError struct{ Faults []string }

// maxFaults is how many faults one error names.
const maxFaults = 3

// Error implements error.
func (e *FaultError) Error() string {
	named := e.Faults[:min(len(e.Faults), maxFaults)]
	text := strings.Join(named, "; ")
	if more := len(e.Faults) - len(named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// UserHint says what to do about it.
func (e *FaultError) UserHint() string {
	return "mend these files in the repository: they are read when this stack is planned"
}

// Fault is what is wrong with the stack's own files; nil if it can be planned as far as its files go.
func (f Files) Fault() error {
	if len(f.Faults) == 0 {
		return nil
	}
	return &FaultError{f.Faults}
}

func (f *Files) addFault(text string) {
	if !slices.Contains(f.Faults, text) {
		f.Faults = append(f.Faults, text)
	}
}

// noDirError is an [ErrNoDir] that knows more than that: where the stack's directory leads.
type noDirError struct{ wrong *repo.FileError }

// Error implements error.
func (e *noDirError) Error() string { return e.wrong.Error() }

// Is makes it an ErrNoDir.
func (e *noDirError) Is(target error) bool { return target == ErrNoDir }

// TerragruntFile makes a directory a unit of Terragrunt, which makes terraform's files elsewhere and runs it there. Nothing of that is
// done here.
const TerragruntFile = "terragrunt.hcl"

// unitError is the [ErrNoDir] of a unit of Terragrunt.
type unitError struct{ dir string }

// Error implements error.
func (e *unitError) Error() string {
	return fmt.Sprintf("directory %s: it has a %s and no terraform files, and Terragrunt is not run here", e.dir, TerragruntFile)
}

// Is makes it an ErrNoDir.
func (e *unitError) Is(target error) bool { return target == ErrNoDir }

// WrongFile is what is wrong with the commit's own content, if that is what an error is about; nil if the mirror is at fault.
func WrongFile(err error) *repo.FileError {
	var wrong *repo.FileError
	if errors.As(err, &wrong) {
		return wrong
	}
	return nil
}

// LeadsWrong reports whether something is there and leads to nothing of use. What is plainly missing is for the tool to tell.
func LeadsWrong(wrong *repo.FileError) bool {
	return wrong.Link != "" || !errors.Is(wrong, fs.ErrNotExist)
}
